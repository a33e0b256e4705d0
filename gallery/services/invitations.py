"""Make invitations, and accept them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.enqueue import enqueue_invitation
from gallery.models import Activity, Gallery, Invitation, InvitationUse, Membership, Notice, Person, Role
from gallery.models.invitation import hash_of, new_token
from gallery.queries.roles import effective, effective_role, groups_to_give, may_invite
from gallery.services.activity import notify, record


class InvitationOver(Exception):
    """The invitation does not work any more; `end` says why."""

    def __init__(self, end: Invitation.End) -> None:
        super().__init__(end.label)
        self.end = end


class EmailTaken(Exception):
    """There is an account with this e-mail already."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation gives now. It gives no more than its sender may give now."""

    gallery: Gallery | None = None
    role: str = Role.VIEWER
    groups: list[Group] = field(default_factory=list)


def invite(
    by: Person,
    *,
    email: str = "",
    groups: Iterable[Group] = (),
    gallery: Gallery | None = None,
    role: str = Role.VIEWER,
    max_uses: int = 1,
    days: int = 7,
    origin: str = "",
) -> tuple[Invitation, str]:
    """Make an invitation; return it with its token, which is stored nowhere.

    If the studio mails the invitation, the token is "": the task that mails it makes one, so that no token waits in
    the queue. `origin` is the studio's address for that mail.
    """
    token = new_token()
    by_mail = bool(email) and settings.LEMONSTUDIO_SENDS_MAIL
    with transaction.atomic():
        invitation = Invitation.objects.create(
            created_by=by,
            token_hash=hash_of(token),
            email=Person.objects.normalize_email(email),
            gallery=gallery,
            role=role,
            max_uses=1 if email else max_uses,
            expires_at=timezone.now() + timedelta(days=days),
            by_mail=by_mail,
        )
        invitation.groups.set(groups)
        if by_mail:
            enqueue_invitation(invitation.pk, origin)
    return invitation, "" if by_mail else token


# -- many at once

# What a pasted list may hold: one page of answers, one mail each.
MOST_AT_ONCE = 200
# A list is pasted a line each, or as mail programs write it.
_SEPARATORS = re.compile(r"[\n\r;,]+")


@dataclass(frozen=True, slots=True)
class Invited:
    """What became of one address of a list. `token` only where the studio does not mail it."""

    class Outcome(models.TextChoices):
        INVITED = "invited", _("Invited")
        HERE = "here", _("Has an account already")
        WAITING = "waiting", _("Invited before, and the invitation still works")
        TWICE = "twice", _("Twice in this list")
        INVALID = "invalid", _("Not an e-mail address")

    text: str
    outcome: Outcome
    token: str = ""


def addresses_in(text: str) -> list[str]:
    """The parts of a pasted list, as they were typed: one a line, or with commas or semicolons between them."""
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]


def invite_all(
    by: Person, texts: Iterable[str], *, groups: Iterable[Group] = (), days: int = 7, origin: str = ""
) -> list[Invited]:
    """Invite each of these addresses, and tell of each what became of it. “Ann <ann@example.org>” is one, too."""
    groups, seen, told = list(groups), set[str](), []
    parts = [(text, Person.objects.normalize_email(parseaddr(text)[1] or text)) for text in texts]
    emails = {email for _text, email in parts}
    here = set(Person.objects.filter(email__in=emails).values_list("email", flat=True))
    waiting = set(Invitation.objects.alive().filter(email__in=emails).values_list("email", flat=True))
    with transaction.atomic():
        for text, email in parts:
            outcome, token = _outcome(email, seen, here, waiting), ""
            seen.add(email)
            if outcome == Invited.Outcome.INVITED:
                token = invite(by, email=email, groups=groups, days=days, origin=origin)[1]
            told.append(Invited(text if outcome == Invited.Outcome.INVALID else email, outcome, token))
    return told


def _outcome(email: str, seen: set[str], here: set[str], waiting: set[str]) -> Invited.Outcome:
    try:
        validate_email(email)
    except ValidationError:
        return Invited.Outcome.INVALID
    if email in seen:
        return Invited.Outcome.TWICE
    if email in here:
        return Invited.Outcome.HERE
    return Invited.Outcome.WAITING if email in waiting else Invited.Outcome.INVITED


# -- using one


def offer_of(invitation: Invitation) -> Offer:
    """What an invitation gives now. Raises InvitationOver, also if its sender may not invite any more."""
    if invitation.end is not None:
        raise InvitationOver(invitation.end)
    # Read the sender anew: the object caches rights, which may have changed since it was read.
    sender = Person.objects.get(pk=invitation.created_by_id)
    if not may_invite(sender):
        raise InvitationOver(Invitation.End.NO_RIGHT)
    gallery = invitation.gallery if invitation.gallery and may_invite(sender, invitation.gallery) else None
    group_ids = set(invitation.groups.values_list("pk", flat=True))
    groups = [group for group in groups_to_give(sender) if group.pk in group_ids] if group_ids else []
    return Offer(gallery, invitation.role, groups)


def join(
    invitation: Invitation, *, name: str, email: str, password: str | None, email_verified: bool = False
) -> Person:
    """Make an account for an invited person, without a password if a provider signs them in.

    What newcomers type themselves may be the address of another person: the e-mail counts as theirs only if the
    invitation names it, or the provider has verified it. Raises InvitationOver, EmailTaken.
    """
    address = Person.objects.normalize_email(invitation.email or email)
    person = Person(name=name, email=address, email_verified=email_verified or bool(invitation.email))
    # Before the transaction: hashing is slow on purpose, and other writers should not wait for it.
    person.set_password(password)
    with transaction.atomic():
        offer = _use(invitation)
        try:
            with transaction.atomic():
                person.save()
        except IntegrityError:
            raise EmailTaken from None
        person.groups.set(offer.groups)
        _apply_offer(invitation, person, offer)
        notify([invitation.created_by_id], Notice.Kind.CAME, actor=person)
    return person


def accept(invitation: Invitation, person: Person) -> Gallery | None:
    """Make a person with an account a member of the invitation's gallery; return that gallery.

    A person who already has the offered role or a higher one keeps it, and does not use the invitation. Raises
    InvitationOver.
    """
    with transaction.atomic():
        offer = offer_to(invitation, person)
        if offer.gallery is None or has_all_of(offer, person):
            return offer.gallery
        offer = _use(invitation)
        if offer.gallery is None or has_all_of(offer, person):
            # While this click waited for the lock, another made the member, or the gallery was deleted.
            Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") - 1)
        else:
            _apply_offer(invitation, person, offer, made_account=False)
    return offer.gallery


def offer_to(invitation: Invitation, person: Person) -> Offer:
    """What an invitation gives to a person with an account.

    It lets each person in once, so that a removed member stays out. Raises InvitationOver.
    """
    offer = offer_of(invitation)
    # In this order: the member is made in the same transaction as the use, so a visible use has its member.
    if invitation.used_by.filter(person=person).exists() and not has_all_of(offer, person):
        raise InvitationOver(Invitation.End.ONCE)
    return offer


def has_all_of(offer: Offer, person: Person) -> bool:
    """Whether a person has the offered role in the offered gallery, or a higher one."""
    return offer.gallery is not None and effective_role(person, offer.gallery) >= effective(offer.role)


def _use(invitation: Invitation) -> Offer:
    """Take one use, which locks the row; then return what the invitation gives. Raises InvitationOver."""
    if not invitation.use():
        invitation.refresh_from_db()
        raise InvitationOver(invitation.end or Invitation.End.USED_UP)
    locked = Invitation.objects.select_related("gallery").get(pk=invitation.pk)
    # Leave out the use that was just taken: it may have been the last one.
    locked.uses -= 1
    return offer_of(locked)


def _apply_offer(invitation: Invitation, person: Person, offer: Offer, made_account: bool = True) -> None:
    InvitationUse.objects.get_or_create(invitation=invitation, person=person, defaults={"made_account": made_account})
    if offer.gallery is None:
        return
    Membership.objects.update_or_create(gallery=offer.gallery, person=person, defaults={"role": offer.role})
    record(offer.gallery, person, Activity.Verb.JOINED, detail=invitation.created_by.name)
