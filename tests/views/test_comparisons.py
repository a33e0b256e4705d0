"""Two to four pictures side by side, and how they differ."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Gallery, Generation, Membership, Person, Picture, Role, State
from gallery.views.comparisons import marked
from tests.conftest import put

MakePicture = Callable[..., Picture]
MakeGeneration = Callable[..., Generation]


def address(*pictures: Picture, **more: object) -> str:
    query = "&".join([*(f"p={one.pk}" for one in pictures), *(f"{name}={value}" for name, value in more.items())])
    return f"/pictures/compare/?{query}"


def rows(text: str) -> dict[str, tuple[bool, list[str]]]:
    """The table, by the name of the row: whether it differs, and its cell for each picture."""
    found = {}
    for attributes, row in re.findall(r"<tr ([^>]*)>(.*?)</tr>", text, re.DOTALL):
        head = re.search(r'<th scope="row">([^<]+?)\s*(<span class="badge">differs</span>)?</th>', row)
        assert head
        assert bool(head[2]) == ("differs" in attributes), "said in words, too"
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        found[head[1]] = (bool(head[2]), [re.sub(r"<[^>]+>", "", cell) for cell in cells])
    return found


def test_table_marks_rows_that_differ(
    as_owner: Client, make_generation: MakeGeneration, make_picture: MakePicture
) -> None:
    one = make_picture(
        make_generation("flux-pro", state=State.COMPLETED, prompt="A red lemon", cost=Decimal("0.05"), options={})
    )
    other = make_picture(
        make_generation(
            "dall-e-3", state=State.COMPLETED, prompt="A green lemon", cost=Decimal("0.05"), options={"style": "vivid"}
        )
    )
    text = as_owner.get(address(other, one)).content.decode()
    table = rows(text)
    assert table["Prompt"] == (True, ["A green lemon", "A red lemon"])
    assert re.findall(r"<mark>(.*?)</mark>", text) == ["green", "red"]
    assert table["Model"] == (True, ["DALL·E 3", "FLUX pro"])
    assert table["Style"] == (True, ["Vivid", "–"])
    assert table["Cost"] == (False, ["$0.05", "$0.05"])
    assert table["By"] == (False, ["Olivia Owner", "Olivia Owner"])
    # The pictures keep their order. Each has its heart, and two have the slider.
    panes = re.findall(r'<figure.*?data-original="/media/(\d+)/.*?id="favourite-(\d+)-here"', text, re.DOTALL)
    assert panes == [(str(other.pk),) * 2, (str(one.pk),) * 2]
    assert 'type="range"' in text
    alike = as_owner.get(address(one, make_picture(one.generation, index=1))).content.decode()
    assert not any(differs for differs, _ in rows(alike).values())
    assert "<mark>" not in alike


def test_differing_words_are_marked() -> None:
    first, second = marked(["A lemon at dawn, again", "a LEMON at dusk, again"])
    assert [piece for piece, differs in first if differs] == ["dawn"]
    assert [piece for piece, differs in second if differs] == ["dusk"]
    assert "".join(piece for piece, _ in first) == "A lemon at dawn, again"


@pytest.mark.parametrize("number", [0, 1, 5])
def test_wrong_number_of_pictures_says_what_to_do(as_owner: Client, make_picture: MakePicture, number: int) -> None:
    response = as_owner.get(address(*(make_picture() for _ in range(number))))
    assert response.status_code == 200
    assert "Pick two to four pictures" in response.content.decode()


def test_each_picture_needs_its_own_permission(
    as_owner: Client,
    as_teammate: Client,
    as_administrator: Client,
    make_picture: MakePicture,
    team_gallery: Gallery,
) -> None:
    shown, also_shown, private = make_picture(), make_picture(), make_picture()
    put(shown, team_gallery)
    put(also_shown, team_gallery)
    assert as_teammate.get(address(shown, also_shown)).status_code == 200
    assert as_teammate.get(address(shown, private)).status_code == 404
    assert as_teammate.get(address(private)).status_code == 404
    assert as_owner.get(address(shown, private)).status_code == 200
    assert as_administrator.get(address(shown, private)).status_code == 200
    for nonsense in ("p=x&p=1", "p=99999999999999999999&p=1", "p=-1"):
        assert as_owner.get(f"/pictures/compare/?{nonsense}").status_code == 404


def test_decisions_belong_to_the_gallery_of_the_selection(
    as_owner: Client,
    as_teammate: Client,
    teammate: Person,
    make_picture: MakePicture,
    private_gallery: Gallery,
    team_gallery: Gallery,
) -> None:
    pictures = [make_picture(), make_picture()]
    for picture in pictures:
        put(picture, private_gallery)
        put(picture, team_gallery)

    def forms(client: Client, gallery: Gallery) -> tuple[int, bool]:
        text = client.get(address(*pictures, inside=gallery.pk)).content.decode()
        return text.count(f'action="/galleries/{gallery.pk}/decide/'), gallery.name in text

    assert forms(as_owner, private_gallery) == (2, True)
    assert forms(as_teammate, team_gallery) == (0, True)
    assert forms(as_teammate, private_gallery) == (0, False)
    Membership.objects.create(gallery=private_gallery, person=teammate, role=Role.CONTRIBUTOR)
    assert forms(as_teammate, private_gallery) == (2, True)


def test_selection_leads_to_the_comparison(
    as_owner: Client, make_picture: MakePicture, private_gallery: Gallery
) -> None:
    pictures = [make_picture() for _ in range(5)]
    pks = [picture.pk for picture in pictures]
    response = as_owner.post("/selection/compare/", {"picture": pks[:3], "inside": private_gallery.pk})
    assert response["Location"] == address(*pictures[:3], inside=private_gallery.pk)
    for some in ([], pks[:1], pks):
        response = as_owner.post("/selection/compare/", {"picture": some}, headers={"Referer": "http://testserver/"})
        assert response["Location"] == "http://testserver/"
        assert "Select" in as_owner.get("/").content.decode()


def test_query_count_does_not_grow_with_pictures(as_owner: Client, make_picture: MakePicture) -> None:
    def queries(*pictures: Picture) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert as_owner.get(address(*pictures)).status_code == 200
        return len(captured)

    pictures = [make_picture() for _ in range(4)]
    assert queries(*pictures) == queries(*pictures[:2])
