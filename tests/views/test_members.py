"""What members of a gallery may do, and when that ends."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from gallery.models import Gallery, GalleryEntry, Generation, Membership, Person, Picture, Role, State
from gallery.queries.roles import NEEDED, Action, EffectiveRole, effective_role, may, roles_for
from tests.conftest import put, signed_in

MakePicture = Callable[..., Picture]


@pytest.fixture
def picture(make_picture: MakePicture, private_gallery: Gallery) -> Picture:
    """A picture of the owner in a private gallery."""
    picture = make_picture()
    default_storage.save(picture.thumbnail_name(320, "webp"), ContentFile(b"thumbnail"))
    Picture.objects.filter(pk=picture.pk).update(thumbnails={"webp": [320]})
    put(picture, private_gallery)
    return picture


def join(gallery: Gallery, person: Person, role: str = Role.VIEWER) -> Membership:
    return Membership.objects.create(gallery=gallery, person=person, role=role)


def addresses(picture: Picture, gallery: Gallery) -> list[str]:
    media = f"/media/{picture.pk}/{picture.digest}"
    page = f"/pictures/{picture.pk}/"
    return [f"/galleries/{gallery.pk}/", page, f"{page}download/", f"{media}/original/", f"{media}/320.webp"]


# -- the table


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("action", Action)
def test_role_allows_its_actions_only(role: str, action: Action, teammate: Person, private_gallery: Gallery) -> None:
    join(private_gallery, teammate, role)
    rank = {
        Role.VIEWER: EffectiveRole.VIEWER,
        Role.CONTRIBUTOR: EffectiveRole.CONTRIBUTOR,
        Role.MANAGER: EffectiveRole.MANAGER,
    }
    assert may(teammate, action, private_gallery) is (rank[Role(role)] >= NEEDED[action])
    assert may(private_gallery.owner, action, private_gallery)


def test_highest_of_several_roles_counts(teammate: Person, private_gallery: Gallery) -> None:
    group = Group.objects.create(name="Design")
    teammate.groups.add(group)
    join(private_gallery, teammate, Role.VIEWER)
    Membership.objects.create(gallery=private_gallery, group=group, role=Role.MANAGER)
    assert effective_role(teammate, private_gallery) == EffectiveRole.MANAGER


def test_team_members_are_viewers(teammate: Person, team_gallery: Gallery) -> None:
    assert effective_role(teammate, team_gallery) == EffectiveRole.VIEWER
    join(team_gallery, teammate, Role.CONTRIBUTOR)
    assert effective_role(teammate, team_gallery) == EffectiveRole.CONTRIBUTOR


def test_each_action_has_its_roles() -> None:
    assert roles_for(Action.VIEW) == [Role.VIEWER, Role.CONTRIBUTOR, Role.MANAGER]
    assert roles_for(Action.SHARE) == [Role.MANAGER]
    assert roles_for(Action.DELETE) == []


FORMS = {"rename": {"name": "Renamed"}, "share": {"shared": "on"}, "members": {}}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (None, set()),
        (Role.VIEWER, {"see"}),
        (Role.CONTRIBUTOR, {"see"}),
        (Role.MANAGER, {"see", "rename", "share", "members", "remove"}),
    ],
)
def test_addresses_answer_by_role(
    role: str | None,
    allowed: set[str],
    as_teammate: Client,
    teammate: Person,
    picture: Picture,
    private_gallery: Gallery,
) -> None:
    if role:
        join(private_gallery, teammate, role)
    for address in addresses(picture, private_gallery):
        assert as_teammate.get(address).status_code == (200 if "see" in allowed else 404), address
    base = f"/galleries/{private_gallery.pk}"
    for name, form in FORMS.items():
        status = as_teammate.post(f"{base}/{name}/", form).status_code
        assert (status != 404) is (name in allowed), name
    assert (as_teammate.post(f"{base}/remove/{picture.pk}/").status_code == 302) is ("remove" in allowed)
    assert as_teammate.post(f"{base}/delete/").status_code == 404
    assert GalleryEntry.objects.filter(gallery=private_gallery).exists() is ("remove" not in allowed)


# -- end of access


@pytest.mark.parametrize("how", ["removed", "left", "group left", "group emptied", "team switched off"])
def test_access_ends_at_once_even_for_cached_files(
    how: str, as_owner: Client, as_teammate: Client, teammate: Person, picture: Picture, private_gallery: Gallery
) -> None:
    group = Group.objects.create(name="Design")
    if how.startswith("group"):
        teammate.groups.add(group)
        member = Membership.objects.create(gallery=private_gallery, group=group)
    elif how == "team switched off":
        Gallery.objects.update(shared_with_team=True)
    else:
        member = join(private_gallery, teammate)
    places = addresses(picture, private_gallery)
    answers = [as_teammate.get(address) for address in places]
    assert [answer.status_code for answer in answers] == [200] * len(places)
    remembered = [answer.headers.get("ETag", "*") for answer in answers]

    base = f"/galleries/{private_gallery.pk}/members"
    if how == "removed":
        as_owner.post(f"{base}/{member.pk}/remove/")
    elif how == "left":
        assert as_teammate.post(f"{base}/{member.pk}/remove/")["Location"] == "/galleries/"
    elif how == "group left":
        teammate.groups.clear()
    elif how == "group emptied":
        group.delete()
    else:
        as_owner.post(f"/galleries/{private_gallery.pk}/share/", {})
    for address, etag in zip(places, remembered, strict=True):
        assert as_teammate.get(address).status_code == 404, address
        assert as_teammate.get(address, headers={"If-None-Match": etag}).status_code == 404, address


# -- members


def test_owner_adds_changes_and_removes_members(as_owner: Client, teammate: Person, private_gallery: Gallery) -> None:
    base = f"/galleries/{private_gallery.pk}/members/"
    as_owner.post(base, {"who": f"person:{teammate.pk}", "role": Role.CONTRIBUTOR})
    member = Membership.objects.get()
    assert (member.person, member.role) == (teammate, Role.CONTRIBUTOR)
    as_owner.post(f"{base}{member.pk}/", {"role": Role.VIEWER})
    member.refresh_from_db()
    assert member.role == Role.VIEWER
    as_owner.post(f"{base}{member.pk}/remove/")
    assert not Membership.objects.exists()


def test_group_can_be_a_member(as_owner: Client, as_teammate: Client, teammate: Person, picture: Picture) -> None:
    group = Group.objects.create(name="Design")
    teammate.groups.add(group)
    gallery = picture.galleries.get()
    as_owner.post(f"/galleries/{gallery.pk}/members/", {"who": f"group:{group.pk}", "role": Role.VIEWER})
    assert as_teammate.get(f"/pictures/{picture.pk}/").status_code == 200


@pytest.mark.parametrize("who", ["", "person:0", "group:1", "nonsense"])
def test_unknown_person_or_group_is_refused(who: str, as_owner: Client, private_gallery: Gallery) -> None:
    answer = as_owner.post(f"/galleries/{private_gallery.pk}/members/", {"who": who, "role": Role.VIEWER})
    assert answer.status_code == 422
    assert not Membership.objects.exists()


def test_unknown_role_is_refused(as_owner: Client, teammate: Person, private_gallery: Gallery) -> None:
    member = join(private_gallery, teammate)
    as_owner.post(f"/galleries/{private_gallery.pk}/members/{member.pk}/", {"role": "owner"})
    member.refresh_from_db()
    assert member.role == Role.VIEWER


def test_viewer_sees_members_but_cannot_change_them(
    as_teammate: Client, teammate: Person, administrator: Person, private_gallery: Gallery
) -> None:
    join(private_gallery, teammate)
    other = join(private_gallery, administrator)
    base = f"/galleries/{private_gallery.pk}/members/"
    text = as_teammate.get(base).content.decode()
    assert "Ada Administrator" in text
    assert "Add people" not in text
    assert as_teammate.post(f"{base}{other.pk}/remove/").status_code == 404
    assert as_teammate.post(f"{base}{other.pk}/", {"role": Role.MANAGER}).status_code == 404


def test_member_of_another_gallery_is_not_found(
    as_owner: Client, teammate: Person, private_gallery: Gallery, team_gallery: Gallery
) -> None:
    member = join(team_gallery, teammate)
    base = f"/galleries/{private_gallery.pk}/members/{member.pk}/"
    assert as_owner.post(f"{base}remove/").status_code == 404
    assert as_owner.post(base, {"role": Role.MANAGER}).status_code == 404


def test_contributor_adds_and_removes_own_pictures_only(
    as_teammate: Client, teammate: Person, picture: Picture, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    join(private_gallery, teammate, Role.CONTRIBUTOR)
    own = make_picture(author=teammate)
    as_teammate.post(f"/pictures/{own.pk}/save/", {"gallery": private_gallery.pk})
    assert set(private_gallery.pictures.all()) == {picture, own}
    base = f"/galleries/{private_gallery.pk}/remove"
    assert as_teammate.post(f"{base}/{picture.pk}/").status_code == 404
    assert as_teammate.post(f"{base}/{own.pk}/").status_code == 302
    assert set(private_gallery.pictures.all()) == {picture}


def test_viewer_cannot_add_pictures(
    as_teammate: Client, teammate: Person, team_gallery: Gallery, picture: Picture
) -> None:
    own = signed_in(teammate)
    form = own.get("/").context["form"]
    assert list(form.fields["gallery"].queryset) == []
    join(team_gallery, teammate, Role.CONTRIBUTOR)
    assert list(own.get("/").context["form"].fields["gallery"].queryset) == [team_gallery]


def test_members_see_generations_under_way(
    as_teammate: Client, teammate: Person, private_gallery: Gallery, make_generation: Callable[..., Generation]
) -> None:
    generation = make_generation(gallery=private_gallery, state=State.PROCESSING, prompt="Under way here")
    other = make_generation(state=State.PROCESSING, prompt="Somewhere else")
    join(private_gallery, teammate)
    text = as_teammate.get(f"/galleries/{private_gallery.pk}/").content.decode()
    assert f'id="generation-{generation.pk}"' in text
    assert f'id="generation-{other.pk}"' not in text


# -- decisions


@pytest.mark.parametrize(
    ("role", "status"), [(None, 404), (Role.VIEWER, 404), (Role.CONTRIBUTOR, 302), (Role.MANAGER, 302)]
)
def test_only_contributors_decide(
    role: str | None, status: int, as_teammate: Client, teammate: Person, picture: Picture, private_gallery: Gallery
) -> None:
    if role:
        join(private_gallery, teammate, role)
    address = f"/galleries/{private_gallery.pk}/decide/{picture.pk}/"
    assert as_teammate.post(address, {"status": "approved"}).status_code == status
    entry = GalleryEntry.objects.get()
    assert (entry.status, entry.decided_by) == (("approved", teammate) if status == 302 else ("draft", None))


def test_page_names_who_decided(as_owner: Client, owner: Person, picture: Picture, private_gallery: Gallery) -> None:
    answer = as_owner.post(
        f"/galleries/{private_gallery.pk}/decide/{picture.pk}/", {"status": "shortlist"}, headers={"HX-Request": "true"}
    )
    assert "Shortlist by Olivia Owner" in answer.content.decode()
    assert "Shortlist" in as_owner.get(f"/galleries/{private_gallery.pk}/").content.decode()
    as_owner.post(f"/galleries/{private_gallery.pk}/decide/{picture.pk}/", {"status": "nonsense"})
    assert GalleryEntry.objects.get().status == "shortlist"


def test_managers_pick_cover_and_first_picture(
    as_owner: Client, as_teammate: Client, teammate: Person, private_gallery: Gallery, make_picture: MakePicture
) -> None:
    first, second = make_picture(), make_picture()
    put(first, private_gallery)
    put(second, private_gallery)
    base = f"/galleries/{private_gallery.pk}/arrange/{first.pk}/"
    join(private_gallery, teammate, Role.CONTRIBUTOR)
    assert as_teammate.post(base, {"what": "cover"}).status_code == 404
    assert Gallery.covers([private_gallery.pk], 1) == {private_gallery.pk: [second]}
    as_owner.post(base, {"what": "cover"})
    assert Gallery.covers([private_gallery.pk], 1) == {private_gallery.pk: [first]}
    as_owner.post(base, {"what": "front"})
    assert list(private_gallery.entries.order_by("-position", "-pk").values_list("picture", flat=True)) == [
        first.pk,
        second.pk,
    ]
