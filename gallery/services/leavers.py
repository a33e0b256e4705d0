"""People who leave: what is theirs is handed over, cancelled or ended, and they are switched off.

The caller has checked that `by` may do this. Each deed stands in the audit list.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.enqueue import enqueue_search_refresh
from gallery.models import (
    Activity,
    AuditEntry,
    Gallery,
    Generation,
    Membership,
    Notice,
    Person,
    Picture,
    PromptTemplate,
    State,
    UpstreamAccount,
)
from gallery.queries.people import is_last_administrator, open_invitations, open_links
from gallery.services import audit, share_links
from gallery.services.activity import notify, record
from gallery.services.errors import InvalidInput

logger = logging.getLogger(__name__)
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Left:
    """What became of a person's things."""

    cancelled: int = 0
    links: int = 0
    invitations: int = 0
    galleries: int = 0
    templates: int = 0


# -- on and off


def switch_off(person: Person, by: Person) -> int:
    """End a person's access at once, and cancel what was not sent yet; return how many requests that were.

    Raises InvalidInput for oneself, and for the last administrator.
    """
    if person.pk == by.pk:
        raise InvalidInput(_("You cannot switch yourself off."))
    with transaction.atomic():
        insist_on_another_administrator(person)
        person.is_active = False
        person.save(update_fields=["is_active"])
        # The engine sends nothing for them from here on; what is being submitted just now, housekeeping cancels.
        return cancel_queued(person)


def switch_on(person: Person) -> None:
    """Let a person in again. Raises InvalidInput if their account was erased."""
    if person.erased_at is not None:
        raise InvalidInput(_("This account was erased. Invite the person anew."))
    person.is_active = True
    person.save(update_fields=["is_active"])


def insist_on_another_administrator(person: Person) -> None:
    """In a transaction. Raises InvalidInput if this is the only one: then no person could change the settings."""
    # This row's lock lets one of two ask at a time; on SQLite the transaction itself does that.
    UpstreamAccount.objects.select_for_update().filter(pk=1).first()
    if is_last_administrator(person):
        raise InvalidInput(_("This is the only administrator. Make another person one first."))


def cancel_for_those_switched_off() -> None:
    """Cancel what was queued for people while they were being switched off, or by another way of doing that."""
    late = Generation.objects.filter(state=State.QUEUED, author__is_active=False).values("author")
    for person in Person.objects.filter(pk__in=late):
        cancel_queued(person)


# -- each on its own


def cancel_queued(person: Person) -> int:
    """Cancel what was not sent yet, so that it is not paid for; return how many. What was sent is finished and kept."""
    queued = Generation.objects.filter(author=person, state=State.QUEUED).order_by("pk")
    cancelled = sum(Generation(pk=pk).withdraw() for pk in queued.values_list("pk", flat=True))
    if cancelled:
        said = "Cancelled a queued request." if cancelled == 1 else f"Cancelled {cancelled} queued requests."
        _note(person, said)
    return cancelled


def end_links(person: Person, by: Person) -> int:
    """End the share links that a person made; return how many were open."""
    return sum(share_links.revoke_link(link, by) for link in open_links(person).select_related("gallery"))


def withdraw_invitations(person: Person) -> int:
    """Withdraw the invitations that a person sent; return how many were open."""
    withdrawn = sum(invitation.revoke() for invitation in open_invitations(person))
    if withdrawn:
        _note(person, f"Withdrew their invitations: {withdrawn}.")
    return withdrawn


def hand_over_galleries(person: Person, to: Person, by: Person, only: Iterable[int] | None = None) -> int:
    """Make `to` the owner of a person's galleries, all or those with these ids; return how many.

    Members keep their roles; who owned it before has none. Raises InvalidInput.
    """
    _check_recipient(person, to)
    galleries = Gallery.objects.owned_by(person)
    if only is not None:
        galleries = galleries.filter(pk__in=list(only))
    with transaction.atomic():
        taken = set(Gallery.objects.owned_by(to).values_list("name", flat=True))
        handed = list(galleries.select_for_update().order_by("pk"))
        for gallery in handed:
            gallery.owner, gallery.name = to, _free_name(gallery.name, person, taken)
            gallery.save(update_fields=["owner", "name"])
            Membership.objects.filter(gallery=gallery, person=to).delete()
            record(gallery, by, Activity.Verb.OWNER, detail=to.name)
            notify([to], Notice.Kind.MEMBER, actor=by, gallery=gallery, detail=Notice.OWNER)
    return len(handed)


def hand_over_templates(person: Person, to: Person) -> int:
    """Make `to` the author of a person's templates; return how many. Raises InvalidInput."""
    _check_recipient(person, to)
    with transaction.atomic():
        taken = set(PromptTemplate.objects.owned_by(to).values_list("name", flat=True))
        templates = list(PromptTemplate.objects.owned_by(person).select_for_update().order_by("pk"))
        for template in templates:
            template.author, template.name = to, _free_name(template.name, person, taken)
            template.save(update_fields=["author", "name"])
        if templates:
            _note(person, f"Handed {len(templates)} templates over to {to}.")
    return len(templates)


def hand_over_pictures(person: Person, to: Person) -> int:
    """Make a person's pictures another's, those in the trash aside; return how many.

    What was paid stays with the one who asked: the ledger and the requests are not changed. Raises InvalidInput.
    """
    _check_recipient(person, to)
    with transaction.atomic():
        handed = Picture.objects.kept().filter(author=person).update(author=to)
        if handed:
            _note(person, f"Handed {handed} pictures over to {to}.")
            # The search finds pictures by their author's name.
            enqueue_search_refresh(to.pk)
    return handed


# -- all at once


def leave(person: Person, by: Person, to: Person | None) -> Left:
    """Switch a person off, cancel, end, and hand galleries and templates over to `to`. Raises InvalidInput."""
    with transaction.atomic():
        return Left(
            cancelled=switch_off(person, by),
            links=end_links(person, by),
            invitations=withdraw_invitations(person),
            galleries=hand_over_galleries(person, to, by) if to else 0,
            templates=hand_over_templates(person, to) if to else 0,
        )


def in_words(left: Left) -> list[str]:
    """One sentence for each thing that was done."""
    told = [
        (left.cancelled, ngettext("%(n)d request was cancelled.", "%(n)d requests were cancelled.", left.cancelled)),
        (left.links, ngettext("%(n)d share link was ended.", "%(n)d share links were ended.", left.links)),
        (
            left.invitations,
            ngettext("%(n)d invitation was withdrawn.", "%(n)d invitations were withdrawn.", left.invitations),
        ),
        (
            left.galleries,
            ngettext("%(n)d gallery was handed over.", "%(n)d galleries were handed over.", left.galleries),
        ),
        (
            left.templates,
            ngettext("%(n)d template was handed over.", "%(n)d templates were handed over.", left.templates),
        ),
    ]
    return [words % {"n": number} for number, words in told if number]


def _check_recipient(person: Person, to: Person) -> None:
    if to.pk == person.pk or not to.is_active:
        raise InvalidInput(_("Choose another person, whose account is switched on."), "to")


def _free_name(name: str, person: Person, taken: set[str]) -> str:
    """The name, or one that tells whose it was. It is added to `taken`."""
    free, number = name, 1
    while free in taken:
        ending = f" ({person.name})" if number == 1 else f" ({person.name}, {number})"
        free = name[: max(1, LONGEST_NAME - len(ending))] + ending[-LONGEST_NAME + 1 :]
        number += 1
    taken.add(free)
    return free


def _note(person: Person, words: str) -> None:
    logger.info("Person %s: %s", person.pk, words)
    audit.record(AuditEntry.Action.DID, person, note=words)
