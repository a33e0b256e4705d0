#!/bin/sh
# The way of the vendor's own samples, with curl: create, poll, fetch; and an edit as a form with two pictures.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

ask() {
    curl --silent --show-error --fail-with-body --max-time 60 -H "Authorization: Bearer $API_KEY" "$@"
}

# field NAME: the first text of that name in a JSON document on standard input
field() {
    grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | sed 's/.*: *"//; s/"$//'
}

ask "$BASE_URL/images/generations" -H "Content-Type: application/json" \
    -d '{"model": "flux-pro", "prompt": "A lemon tree by the sea", "size": "1024x1024", "n": 1}' > "$folder/created"
poll_url=$(field poll_url < "$folder/created")
status=pending
tries=0
while [ "$status" = pending ] || [ "$status" = processing ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "not done: $(cat "$folder/polled")" >&2; exit 1; }
    sleep 0.2
    ask "${BASE_URL%/v1}$poll_url" > "$folder/polled"
    status=$(field status < "$folder/polled")
done
[ "$status" = completed ] || { cat "$folder/polled" >&2; exit 1; }
curl --silent --show-error --fail --max-time 60 --output "$folder/picture.png" "$(field url < "$folder/polled")"

ask "$BASE_URL/images/edits" -F model=gpt-image-2 -F prompt="Two lemons" \
    -F image=@"$folder/picture.png" -F image=@"$folder/picture.png" > "$folder/edited"
[ -n "$(field url < "$folder/edited")" ] || { cat "$folder/edited" >&2; exit 1; }
