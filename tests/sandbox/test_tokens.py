"""Tokens, without a server."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemonstudio.sandbox.tokens import GenerationSpec, InvalidTokenError, Signer, shorten

SIGNER = Signer(b"secret")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


@given(TEXT, st.integers(0, 2**32 - 1), st.integers(-1, 3))
def test_what_goes_in_comes_out_and_may_stand_in_a_path(prompt, seed, index):
    spec = GenerationSpec(
        "midjourney", shorten(prompt), "1456x816", 4, seed, 1_800_000_000_000, "task_fails_silently", index
    )
    token = SIGNER.seal("task", spec)
    assert SIGNER.open("task", token) == spec
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert len(token) < 800


@given(TEXT)
def test_shortening_keeps_what_is_short_and_marks_what_is_not(prompt):
    short = shorten(prompt)
    assert len(short) <= 300
    assert len(short.encode()) <= 480
    assert short == prompt or (short.endswith("…") and prompt.startswith(short[:-1]))


@given(st.text(max_size=80))
def test_what_was_not_sealed_does_not_open(text):
    with pytest.raises(InvalidTokenError):
        SIGNER.open("task", text)


def test_secret_and_purpose_must_match():
    token = SIGNER.seal("task", GenerationSpec("flux-pro", "x", "512x512", 1, 0, 0))
    with pytest.raises(InvalidTokenError):
        SIGNER.open("file", token)
    with pytest.raises(InvalidTokenError):
        Signer(b"other").open("task", token)


KEYS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(TEXT, KEYS, KEYS | st.just(""), st.sampled_from(["png", "jpeg", "webp"]), st.booleans())
def test_an_edit_s_uploads_are_told_by_their_keys(prompt, image, mask, form, clear):
    spec = GenerationSpec(
        "nano-banana-pro", shorten(prompt), "4096x4096", 4, 2**32 - 1, 1_800_000_000_000, "task_fails_silently", -1,
        "edit", image, mask, form, clear,
    )  # fmt: skip
    token = SIGNER.seal("task", spec)
    assert SIGNER.open("task", token) == spec
    assert len(token) < 850


def test_what_is_as_usual_takes_no_room():
    plain = GenerationSpec("flux-pro", "x", "512x512", 1, 0, 0)
    assert len(SIGNER.seal("task", plain)) < len(
        SIGNER.seal("task", GenerationSpec("flux-pro", "x", "512x512", 1, 0, 0, index=0))
    )
    assert SIGNER.open("task", SIGNER.seal("task", plain)) == plain
