"""Which forms and JSON bodies an edit may come in."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from lemonstudio.sandbox import multipart
from tests.sandbox.edit_cases import FILE, PHOTO, mask, part, status_of

NAMES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="%\x7f\x85"), min_size=1, max_size=20
)


@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=8), st.booleans())
def test_a_form_comes_apart_as_it_was_put_together(fields, as_files):
    sent = {name: (name, content) if as_files else content for name, content in fields.items()}
    body, kind = encode_multipart_formdata(sent)
    boundary = multipart.boundary_of({"CONTENT_TYPE": kind})
    assert multipart.parts(body, boundary) == {name: [content] for name, content in fields.items()}
    assert (
        multipart.parts(b"a preamble\r\n" + body + b"and more", boundary).keys()
        == multipart.parts(body, boundary).keys()
    )


@given(
    st.lists(
        st.sampled_from([b"--", b"b", b"\r\n", b":", b'"', b"content-disposition", b"form-data; name=", b"x", b"\xff"])
    )
)
def test_no_form_is_more_than_refused(pieces):
    assert status_of(lambda: multipart.parts(b"".join(pieces), b"b"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no parts"),
        (b"hello", "no parts"),
        (b"--b--", "'prompt' is required"),
        (b"--b\r\n", "cut off"),
        (part("image").rstrip(), "cut off"),
        (part("image") + b"--", "cut off"),
        (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "no name"),
        (b"--b\r\nx: " + b"y" * 5000 + b"\r\n\r\nx\r\n--b--\r\n", "no head"),
        (part("n") * 2 + b"--b--\r\n", "'n' is there twice"),
        (b"".join(part(str(number)) for number in range(41)) + b"--b--\r\n", "more than 40 fields"),
    ],
)
def test_a_form_that_is_none_is_refused(sandbox, body, said):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = sandbox.session.post(sandbox.url + "/images/edits", data=body, headers=headers, timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_request_error")
    assert said in error["message"]


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=b"],
)
def test_a_body_that_is_no_form_is_refused(sandbox, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = sandbox.session.post(sandbox.url + "/images/edits", data=b"{}", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["error"]["message"]


def as_data(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    "pictures",
    [
        {"image_url": as_data(FILE)},
        {"image_urls": [as_data(FILE), as_data(mask())]},
        {"images": [{"image_url": as_data(FILE)}]},
    ],
)
def test_an_edit_may_be_json_with_data_urls(sandbox, pictures):
    body = {"model": "gpt-image-2", "prompt": "a sun", "mask": {"image_url": as_data(mask())}, **pictures}
    answer = sandbox.session.post(sandbox.url + "/images/edits", json=body, timeout=30)
    (edited,) = sandbox.pictures(answer)
    assert edited.size == PHOTO.size


def test_a_generation_takes_one_file_but_several_addresses(sandbox):
    fields = {"model": "nano-banana-pro", "prompt": "a sun", "operation": "image-to-image"}
    address = sandbox.url + "/images/generations"
    answer = sandbox.session.post(address, json={**fields, "image_urls": [as_data(FILE), as_data(FILE)]}, timeout=30)
    assert len(sandbox.pictures(answer)) == 1
    files = [("image", ("one.png", FILE)), ("image", ("two.png", FILE))]
    answer = sandbox.session.post(address, data=fields, files=files, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "too_many_images")


def test_pictures_elsewhere_are_not_fetched(sandbox):
    body = {"model": "gpt-image-2", "prompt": "a sun", "image_url": "https://pictures.example/cat.png"}
    answer = sandbox.session.post(sandbox.url + "/images/edits", json=body, timeout=30)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "image_url")


@pytest.mark.parametrize("names", [["image", "image"], ["image[]", "image[]"], ["image[]"]])
def test_several_pictures_come_under_either_name(sandbox, names):
    files = [(name, ("one.png", FILE)) for name in names]
    fields = {"model": "gpt-image-2", "prompt": "a sun"}
    answer = sandbox.session.post(sandbox.url + "/images/edits", data=fields, files=files, timeout=30)
    assert len(sandbox.pictures(answer)) == 1
