"""What people may name things."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from gallery.forms.names import clean_name
from gallery.models import Gallery, Person, PromptTemplate, SavedSearch

REFUSED = [
    "\u200b",
    "\u200f \u200d",
    "a\x00b",
    "a\x07b",
    "a\x1bb",
    "invoice\u202egpj.exe",
    "\u2066a\u2069",
    "a\u202ab",
    "a\x9fb",
]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_is_no_text_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Type it again"):
        clean_name(name)


@pytest.mark.parametrize(
    "name", ["Sketches", "Żółw", "סקיצות", "رسومات", "👩\u200d🎨 at work", "می\u200cخواهم", "1/2 – “three”"]
)
def test_what_people_write_is_kept(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize("name", ["two\r\nlines", "two \t lines", " two\u2028lines ", "two\u00a0lines"])
def test_a_name_is_one_line(name: str) -> None:
    assert clean_name(name) == "two lines"


@pytest.mark.parametrize(
    ("address", "sent", "named"),
    [
        ("/galleries/new/", {}, Gallery),
        ("/templates/new/", {"text": "A lemon"}, PromptTemplate),
        ("/searches/", {"query": "q=lemon"}, SavedSearch),
    ],
)
def test_forms_refuse_a_name_that_turns_the_page(
    as_owner: Client, owner: Person, address: str, sent: dict[str, str], named: type[Gallery]
) -> None:
    response = as_owner.post(address, {**sent, "name": "invoice\u202egpj.exe"})
    assert response.status_code == 422
    assert not named.objects.exists()
    assert as_owner.post(address, {**sent, "name": "two\r\nlines"}).status_code in (200, 302)
    assert named.objects.get().name == "two lines"
