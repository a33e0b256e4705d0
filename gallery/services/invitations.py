"""Letting people in: invitations, and what becomes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from gallery.enqueue import enqueue_invitation
from gallery.models import Activity, Gallery, Invitation, InvitationUse, Membership, Notice, Person, Role
from gallery.models.invitation import hash_of, new_token
from gallery.queries.roles import effective, effective_role, groups_to_give, may_invite
from gallery.services.activity import notify, record


class InvitationOver(Exception):
    """It does not work any more; `end` says why."""

    def __init__(self, end: Invitation.End) -> None:
        super().__init__(end.label)
        self.end = end


class EmailTaken(Exception):
    """Somebody has an account with this e-mail already."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation gives today: no more than its sender may give today."""

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
    """Make an invitation; return it with its token, which is kept nowhere.

    Where the studio mails it itself, there is no token to tell: the task that mails it makes one, so that none lies
    about in a queue. `origin` is the studio's address for that mail.
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


def offer_of(invitation: Invitation) -> Offer:
    """Raises InvitationOver, also where its sender may not invite any more."""
    if invitation.end is not None:
        raise InvitationOver(invitation.end)
    # Afresh: rights are remembered by the object, and a lot may have happened since it was read.
    sender = Person.objects.get(pk=invitation.created_by_id)
    if not may_invite(sender):
        raise InvitationOver(Invitation.End.NO_RIGHT)
    gallery = invitation.gallery if invitation.gallery and may_invite(sender, invitation.gallery) else None
    wanted = set(invitation.groups.values_list("pk", flat=True))
    groups = [group for group in groups_to_give(sender) if group.pk in wanted] if wanted else []
    return Offer(gallery, invitation.role, groups)


def join(invitation: Invitation, *, name: str, email: str, password: str) -> Person:
    """Make an account by an invitation. Raises InvitationOver, EmailTaken."""
    person = Person(name=name, email=Person.objects.normalize_email(invitation.email or email))
    # Before the transaction: hashing takes long on purpose, and nobody else should wait for it.
    person.set_password(password)
    with transaction.atomic():
        offer = _take(invitation)
        try:
            with transaction.atomic():
                person.save()
        except IntegrityError:
            raise EmailTaken from None
        person.groups.set(offer.groups)
        _arrive(invitation, person, offer)
        notify([invitation.created_by_id], Notice.Kind.CAME, actor=person)
    return person


def accept(invitation: Invitation, person: Person) -> Gallery | None:
    """Make somebody who has an account a member of the gallery that an invitation leads into; return that gallery.

    Who stands as high there already uses nothing up; nobody's role gets lower. Raises InvitationOver.
    """
    with transaction.atomic():
        offer = offer_to(invitation, person)
        if offer.gallery is None or has_all_of(offer, person):
            return offer.gallery
        offer = _take(invitation)
        if offer.gallery is None or has_all_of(offer, person):
            # While this click waited here, another has done it, or there is no gallery any more.
            Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") - 1)
        else:
            _arrive(invitation, person, offer, made_account=False)
    return offer.gallery


def offer_to(invitation: Invitation, person: Person) -> Offer:
    """The same to somebody who has an account: it lets everybody in once, so who was removed stays out."""
    offer = offer_of(invitation)
    # In this order: a use that is seen has made its member already.
    if invitation.used_by.filter(person=person).exists() and not has_all_of(offer, person):
        raise InvitationOver(Invitation.End.ONCE)
    return offer


def has_all_of(offer: Offer, person: Person) -> bool:
    return offer.gallery is not None and effective_role(person, offer.gallery) >= effective(offer.role)


def _take(invitation: Invitation) -> Offer:
    """Take one use, and with it the row's lock; then look what it gives."""
    if not invitation.use():
        invitation.refresh_from_db()
        raise InvitationOver(invitation.end or Invitation.End.USED_UP)
    now = Invitation.objects.select_related("gallery").get(pk=invitation.pk)
    # The use that was just taken may have been the last one.
    now.uses -= 1
    return offer_of(now)


def _arrive(invitation: Invitation, person: Person, offer: Offer, made_account: bool = True) -> None:
    InvitationUse.objects.get_or_create(invitation=invitation, person=person, defaults={"made_account": made_account})
    if offer.gallery is None:
        return
    Membership.objects.update_or_create(gallery=offer.gallery, person=person, defaults={"role": offer.role})
    record(offer.gallery, person, Activity.Verb.JOINED, detail=invitation.created_by.name)
