"""Galleries and what is in them. What happens to one is written into its log in the same transaction."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from gallery.models import Activity, Gallery, GalleryEntry, Membership, Notice, Person, Picture, Role
from gallery.services.activity import notify, record


def make_gallery(owner: Person, name: str) -> Gallery:
    """The owner's gallery of this name, made if there is none."""
    return Gallery.objects.get_or_create(owner=owner, name=name)[0]


def rename_gallery(gallery: Gallery, name: str, by: Person) -> None:
    with transaction.atomic():
        before = Gallery.objects.select_for_update().values_list("name", flat=True).get(pk=gallery.pk)
        if before == name:
            return
        Gallery.objects.filter(pk=gallery.pk).update(name=name)
        record(gallery, by, Activity.Verb.RENAMED, detail=f"from “{before}” to “{name}”")
    gallery.name = name


def show_to_team(gallery: Gallery, shown: bool, by: Person) -> None:
    """Let the whole team look at it, or no longer."""
    with transaction.atomic():
        if Gallery.objects.filter(pk=gallery.pk).exclude(shared_with_team=shown).update(shared_with_team=shown):
            record(gallery, by, Activity.Verb.TEAM if shown else Activity.Verb.NOT_TEAM)
    gallery.shared_with_team = shown


def save_picture(picture: Picture, gallery: Gallery) -> bool:
    """Put a picture into a gallery, which only its author does; tell whether it was not there before."""
    with transaction.atomic():
        author = {"added_by_id": picture.author_id}
        is_new = GalleryEntry.objects.get_or_create(gallery=gallery, picture=picture, defaults=author)[1]
        if is_new:
            record(gallery, picture.author_id, Activity.Verb.ADDED, picture=picture)
    return is_new


def remove_picture(picture: Picture, gallery: Gallery, by: Person | None = None) -> None:
    """Take a picture out of a gallery; `by` its author, unless it says who."""
    with transaction.atomic():
        if GalleryEntry.objects.filter(gallery=gallery, picture=picture).delete()[0]:
            record(gallery, by or picture.author_id, Activity.Verb.REMOVED, picture=picture)


# -- members


def add_member(gallery: Gallery, who: Person | Group, role: str, by: Person) -> Membership:
    """Make a person or a group a member, or give the member that it is already this role."""
    key = {"person": who} if isinstance(who, Person) else {"group": who}
    with transaction.atomic():
        member, is_new = Membership.objects.update_or_create(gallery=gallery, **key, defaults={"role": role})
        verb = Activity.Verb.MEMBER_ADDED if is_new else Activity.Verb.MEMBER_CHANGED
        record(gallery, by, verb, detail=_in_words(member))
        if is_new:
            people = [who] if isinstance(who, Person) else list(Person.objects.filter(groups=who, is_active=True))
            notify(people, Notice.Kind.MEMBER, actor=by, gallery=gallery, detail=Role(role).label.lower())
    return member


def change_role(member: Membership, role: str, by: Person) -> None:
    with transaction.atomic():
        if not Membership.objects.filter(pk=member.pk).exclude(role=role).update(role=role):
            return
        member.role = role
        record(member.gallery_id, by, Activity.Verb.MEMBER_CHANGED, detail=_in_words(member))


def remove_member(member: Membership, by: Person) -> None:
    """Access ends with the row: every page, thumbnail and original asks for it anew."""
    with transaction.atomic():
        if not Membership.objects.filter(pk=member.pk).delete()[0]:
            return
        if member.person_id == by.pk:
            record(member.gallery_id, by, Activity.Verb.LEFT)
        else:
            record(member.gallery_id, by, Activity.Verb.MEMBER_REMOVED, detail=member.name)


def _in_words(member: Membership) -> str:
    return f"{member.name}, who {Role(member.role).label.lower()}"


# -- what is decided


def decide(entry: GalleryEntry, status: str, person: Person) -> None:
    """Say what becomes of a picture in a gallery. What it is already stays decided by whoever said so first."""
    now = timezone.now()
    with transaction.atomic():
        undecided = GalleryEntry.objects.filter(pk=entry.pk).exclude(status=status)
        if not undecided.update(status=status, decided_by=person, decided_at=now):
            return
        record(entry.gallery, person, Activity.Verb.DECIDED, picture=entry.picture, detail=status)
        notify(
            [entry.picture.author_id],
            Notice.Kind.DECIDED,
            actor=person,
            gallery=entry.gallery,
            picture=entry.picture,
            detail=status,
        )
    entry.status, entry.decided_by, entry.decided_at = status, person, now


def use_as_cover(entry: GalleryEntry, by: Person) -> None:
    """Show the gallery by this picture first."""
    gallery = entry.gallery
    with transaction.atomic():
        if gallery.cover_id != entry.picture_id:
            record(gallery, by, Activity.Verb.COVER, picture=entry.picture_id)
        gallery.cover = entry.picture
        gallery.save(update_fields=["cover"])


def move_to_front(entry: GalleryEntry) -> None:
    """Make it the first in the order by hand."""
    highest = entry.gallery.entries.aggregate(highest=Max("position"))["highest"] or 0
    entry.position = highest + 1
    entry.save(update_fields=["position"])
