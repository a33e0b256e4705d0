"""Cards in a feed are kept as HTML: they show every change, and each answer has its own token."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from gallery.models import Generation, ImageModel, Mark, Person, Picture, State
from gallery.templatetags import cards

MakePicture = Callable[..., Picture]


@pytest.fixture
def shown(make_picture: MakePicture) -> Picture:
    picture = make_picture()
    Generation.objects.filter(pk=picture.generation_id).update(state=State.COMPLETED)
    return picture


def card_of(client: Client, picture: Picture) -> str:
    text = client.get("/").content.decode()
    begin = text.index(f'<article id="generation-{picture.generation_id}"')
    return text[begin : text.index("</article>", begin)]


def without_token(card: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", card)


def test_card_is_made_once(as_owner: Client, shown: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    first = card_of(as_owner, shown)
    monkeypatch.delattr(cards, "_render")
    assert without_token(card_of(as_owner, shown)) == without_token(first)


def test_each_answer_has_its_own_token(owner: Person, shown: Picture) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    tokens = [set(re.findall(r'csrfmiddlewaretoken" value="(\w+)"', card_of(client, shown))) for _ in range(2)]
    assert [len(one) for one in tokens] == [1, 1]
    assert tokens[0] != tokens[1]
    asked = client.post(f"/pictures/{shown.pk}/favourite/", {"favourite": "1", "csrfmiddlewaretoken": tokens[1].pop()})
    assert asked.status_code == 302


@pytest.mark.parametrize("change", ["favourite", "thumbnails", "model", "name", "price", "trash"])
def test_card_shows_every_change(as_owner: Client, owner: Person, shown: Picture, change: str) -> None:
    before = without_token(card_of(as_owner, shown))
    match change:
        case "favourite":
            Mark.objects.create(person=owner, picture=shown, favourite=True)
        case "thumbnails":
            Picture.objects.update(thumbnails={"webp": [320]})
        case "model":
            ImageModel.objects.update(label="Another name")
        case "name":
            Generation.objects.update(prompt="Another prompt")
        case "price":
            ImageModel.objects.update(price="0.37")
        case "trash":
            Picture.objects.update(trashed_at=shown.created_at)
    assert without_token(card_of(as_owner, shown)) != before


def test_card_is_kept_for_each_language(as_owner: Client, shown: Picture) -> None:
    english = without_token(card_of(as_owner, shown))
    as_owner.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    german = without_token(card_of(as_owner, shown))
    assert "Download" in english
    assert "Herunterladen" in german
    del as_owner.defaults["HTTP_ACCEPT_LANGUAGE"]
    assert without_token(card_of(as_owner, shown)) == english
