"""Posts an alert to a webhook: Slack, Teams, Discord, or anything that takes signed JSON.

The same rules as for fetching pictures hold for the address: public hosts on ports 80 and 443, checked before and while
connecting, unless its origin is trusted. Redirects are not followed.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from typing import Any

import certifi
import pycurl

from gallery.engine.fetch import only_to
from gallery.engine.fetch_address import FetchError, check

SECONDS = 15.0
MAX_ANSWER = 64 * 2**10
DISCORDS_LONGEST = 2000


def body_for(kind: str, *, event: str, subject: str, text: str, at: str, studio: str, number: int) -> dict[str, Any]:
    """What this kind of webhook expects."""
    match kind:
        case "slack":
            return {"text": f"*{_plain(subject)}*\n{_plain(text)}"}
        case "discord":
            # People who may name a budget must not be able to call everyone.
            return {"content": f"**{subject}**\n{text}"[:DISCORDS_LONGEST], "allowed_mentions": {"parse": []}}
        case "teams":
            lines = [{"type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": True}]
            lines += [{"type": "TextBlock", "text": line, "wrap": True} for line in text.splitlines() if line]
            card = {"type": "AdaptiveCard", "version": "1.4", "body": lines}
            attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
            return {"type": "message", "attachments": [attachment]}
        case _:
            return {"event": event, "subject": subject, "text": text, "at": at, "studio": studio, "id": number}


def _plain(text: str) -> str:
    """Slack's three characters with a meaning: https://api.slack.com/reference/surfaces/formatting"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(url: str, document: dict[str, Any], *, secret: str = "", trusted_origins: Iterable[str] = ()) -> None:
    """Send it once. Raises FetchError, without the address, which is a secret with most services."""
    ends = time.monotonic() + SECONDS
    address, peers = check(url, trusted_origins, 5.0)
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = ["Content-Type: application/json; charset=utf-8", "Expect:"]
    if secret:
        timestamp = str(int(time.time()))
        headers.append(f"X-Lemonstudio-Timestamp: {timestamp}")
        headers.append(f"X-Lemonstudio-Signature: {signature(secret, timestamp, body)}")
    received = 0

    def take(data: bytes) -> int:
        nonlocal received
        received += len(data)
        return len(data) if received <= MAX_ANSWER else 0

    curl = pycurl.Curl()
    try:
        for option, value in {
            pycurl.URL: address.url,
            pycurl.POSTFIELDS: body,
            pycurl.HTTPHEADER: headers,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.PROXY: "",
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.USERAGENT: "LemonStudio",
            pycurl.CAINFO: certifi.where(),
            pycurl.NOSIGNAL: 1,
            pycurl.CONNECTTIMEOUT_MS: 5000,
            pycurl.TIMEOUT_MS: max(1, int((ends - time.monotonic()) * 1000)),
            pycurl.OPENSOCKETFUNCTION: only_to(peers),
            pycurl.WRITEFUNCTION: take,
        }.items():
            curl.setopt(option, value)
        if address.literal is None:  # a name: it is not looked up a second time
            curl.setopt(pycurl.RESOLVE, [f"{address.host}:{address.port}:{','.join(peers)}"])
        curl.perform()
        status = curl.getinfo(pycurl.RESPONSE_CODE)
    except pycurl.error as error:
        raise FetchError(f"its host did not take it (libcurl's error {error.args[0]})") from None
    finally:
        curl.close()
    if not 200 <= status < 300:
        raise FetchError(f"its host answered {status}")
