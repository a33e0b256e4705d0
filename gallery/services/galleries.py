"""Galleries, their members and their entries. Each change is logged in the same transaction."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Max, Min, Q, QuerySet
from django.utils import timezone

from gallery.models import Activity, Gallery, GalleryEntry, Membership, Notice, Person, Picture
from gallery.models.activity import member_detail, renamed_detail
from gallery.services.activity import notify, record


def make_gallery(owner: Person, name: str) -> Gallery:
    """Return the owner's gallery with this name; create it if there is none."""
    return Gallery.objects.get_or_create(owner=owner, name=name)[0]


def rename_gallery(gallery: Gallery, name: str, by: Person) -> None:
    with transaction.atomic():
        before = Gallery.objects.select_for_update().values_list("name", flat=True).get(pk=gallery.pk)
        if before == name:
            return
        Gallery.objects.filter(pk=gallery.pk).update(name=name)
        record(gallery, by, Activity.Verb.RENAMED, detail=renamed_detail(before, name))
    gallery.name = name


def show_to_team(gallery: Gallery, shown: bool, by: Person) -> None:
    """Let the whole team see a gallery, or stop that."""
    with transaction.atomic():
        if Gallery.objects.filter(pk=gallery.pk).exclude(shared_with_team=shown).update(shared_with_team=shown):
            record(gallery, by, Activity.Verb.TEAM if shown else Activity.Verb.NOT_TEAM)
    gallery.shared_with_team = shown


def save_picture(picture: Picture, gallery: Gallery) -> bool:
    """Put a picture into a gallery, in its author's name. Return whether it is new there."""
    with transaction.atomic():
        author = {"added_by_id": picture.author_id}
        is_new = GalleryEntry.objects.get_or_create(gallery=gallery, picture=picture, defaults=author)[1]
        if is_new:
            record(gallery, picture.author_id, Activity.Verb.ADDED, picture=picture)
    return is_new


def remove_picture(picture: Picture, gallery: Gallery, by: Person | None = None) -> None:
    """Take a picture out of a gallery. `by` is the person who did it; None stands for the picture's author."""
    with transaction.atomic():
        if GalleryEntry.objects.filter(gallery=gallery, picture=picture).delete()[0]:
            record(gallery, by or picture.author_id, Activity.Verb.REMOVED, picture=picture)


# -- members


def add_member(gallery: Gallery, who: Person | Group, role: str, by: Person) -> Membership:
    """Make a person or a group a member with this role, or change the role of a present member."""
    key = {"person": who} if isinstance(who, Person) else {"group": who}
    with transaction.atomic():
        member, is_new = Membership.objects.update_or_create(gallery=gallery, **key, defaults={"role": role})
        verb = Activity.Verb.MEMBER_ADDED if is_new else Activity.Verb.MEMBER_CHANGED
        record(gallery, by, verb, detail=member_detail(member.name, member.role))
        if is_new:
            people = [who] if isinstance(who, Person) else list(Person.objects.filter(groups=who, is_active=True))
            notify(people, Notice.Kind.MEMBER, actor=by, gallery=gallery, detail=role)
    return member


def change_role(member: Membership, role: str, by: Person) -> None:
    with transaction.atomic():
        if not Membership.objects.filter(pk=member.pk).exclude(role=role).update(role=role):
            return
        member.role = role
        record(member.gallery_id, by, Activity.Verb.MEMBER_CHANGED, detail=member_detail(member.name, member.role))


def remove_member(member: Membership, by: Person) -> None:
    """Remove a member. Access ends at once: each page, thumbnail and original checks the row again."""
    with transaction.atomic():
        if not Membership.objects.filter(pk=member.pk).delete()[0]:
            return
        if member.person_id == by.pk:
            record(member.gallery_id, by, Activity.Verb.LEFT)
        else:
            record(member.gallery_id, by, Activity.Verb.MEMBER_REMOVED, detail=member.name)


# -- decisions, covers and the order by hand


def decide(entry: GalleryEntry, status: str, person: Person) -> None:
    """Set an entry's decision. If it is set to this already, the first person to decide keeps the credit."""
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
    """Make an entry the first cover of its gallery."""
    gallery = entry.gallery
    with transaction.atomic():
        if gallery.cover_id != entry.picture_id:
            record(gallery, by, Activity.Verb.COVER, picture=entry.picture_id)
        gallery.cover = entry.picture
        gallery.save(update_fields=["cover"])


# Positions nearer than this leave no room for another entry between them.
_CLOSE = 1e-6


def move_to_front(entry: GalleryEntry) -> None:
    """Make an entry the first in the order by hand."""
    with transaction.atomic():
        others = _others(entry)
        highest = others.aggregate(highest=Max("position"))["highest"]
        _put_at(entry, (highest or 0) + 1)


def move_to_end(entry: GalleryEntry) -> None:
    """Make an entry the last in the order by hand."""
    with transaction.atomic():
        others = _others(entry)
        lowest = others.aggregate(lowest=Min("position"))["lowest"]
        _put_at(entry, (lowest or 0) - 1)


def move_beside(entry: GalleryEntry, other: GalleryEntry, *, after: bool) -> None:
    """Put an entry right before or after another one of its gallery, in the order by hand.

    If there is no room between two entries, all later ones move down. Nothing moves up: a person who reads the
    gallery page by page may then see a picture twice, but misses none. New entries, at position 0, also stay before
    those that were moved among older ones.
    """
    if entry.pk == other.pk:
        return
    with transaction.atomic():
        others = _others(entry)
        # Read it again under the lock: another person may have moved it.
        target = others.filter(pk=other.pk).values_list("position", "pk").first()
        if target is None:
            return
        position, pk = target
        before = Q(position__gt=position) | Q(position=position, pk__gt=pk)
        behind = Q(position__lt=position) | Q(position=position, pk__lt=pk)
        upper: float | None
        lower: float | None
        if after:
            follower = others.filter(behind).order_by("-position", "-pk").values_list("position", flat=True).first()
            upper, lower, below = position, follower, behind
        else:
            leader = others.filter(before).order_by("position", "pk").values_list("position", flat=True).first()
            upper, lower, below = leader, position, behind | Q(pk=pk)
        if upper is None:
            _put_at(entry, (lower or 0) + 1)
        elif lower is None:
            _put_at(entry, upper - 1)
        else:
            if upper - lower < _CLOSE:
                others.filter(below).update(position=F("position") - 1)
                lower -= 1
            _put_at(entry, (upper + lower) / 2)


def _others(entry: GalleryEntry) -> QuerySet[GalleryEntry]:
    """The other entries of its gallery. Locks the gallery until the transaction ends, so that moves go in turn."""
    Gallery.objects.select_for_update().get(pk=entry.gallery_id)
    return GalleryEntry.objects.filter(gallery=entry.gallery_id).exclude(pk=entry.pk)


def _put_at(entry: GalleryEntry, position: float) -> None:
    entry.position = position
    entry.save(update_fields=["position"])


def save_pictures(person: Person, pictures: Iterable[int], gallery: Gallery) -> tuple[int, int]:
    """Put a person's own pictures into a gallery. Return how many are the person's own, and how many are new there."""
    with transaction.atomic():
        own = Picture.objects.kept().filter(author=person, pk__in=list(pictures)).order_by("pk")
        # The newest picture goes in last: the gallery shows its latest entry first.
        pks = list(own.values_list("pk", flat=True))
        present = set(gallery.entries.filter(picture__in=pks).values_list("picture", flat=True))
        missing = [GalleryEntry(gallery=gallery, picture_id=pk, added_by=person) for pk in pks if pk not in present]
        GalleryEntry.objects.bulk_create(missing, ignore_conflicts=True)
        if missing:
            record(gallery, person, Activity.Verb.ADDED, picture=missing[-1].picture_id, count=len(missing))
    return len(pks), len(missing)
