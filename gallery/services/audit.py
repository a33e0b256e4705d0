"""Writes the audit list. Signals see what is saved and deleted, so that no page can forget to say so.

Of a request of an administrator, everything in WATCHED is written down, and in Django admin everything. Of other
people, what gives rights to someone: share links, invitations and memberships.
"""

import logging
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save
from django.utils import translation

from gallery.models import (
    Activity,
    Budget,
    Gallery,
    GroupLimit,
    GroupRight,
    ImageModel,
    Invitation,
    Membership,
    Notice,
    Person,
    Retention,
    ShareLink,
    UpstreamAccount,
)
from gallery.models.audit import AuditEntry
from lemonstudio import request_context

logger = logging.getLogger(__name__)

GIVE_RIGHTS = (Invitation, Membership, ShareLink)
WATCHED = (Budget, Gallery, Group, GroupLimit, GroupRight, ImageModel, Person, Retention, UpstreamAccount, *GIVE_RIGHTS)
# The list itself, and what the studio and its libraries write down by themselves.
NEVER = (Activity, AuditEntry, Notice)
NEVER_OF = ("admin", "django_q", "sessions")
# Columns that a row changes by itself, and those that a list of changes must not show.
UNTOLD = frozenset({"last_login", "modified_at", "updated_at", "visits", "visited_at"})
SECRET = ("password", "token", "secret", "key")
LONGEST = 500
HIDDEN = "•••"


def record(
    action: AuditEntry.Action, thing: Any = None, *, changes: dict[str, Any] | None = None, note: str = ""
) -> AuditEntry:
    """Write down an act of the person whose request this is, or of a command on the server."""
    request = request_context.request.get()
    person = getattr(request, "user", None)
    person = person if isinstance(person, Person) or getattr(person, "pk", None) else None
    # The list and the log are the same for all who read them.
    with translation.override("en"):
        kind, name = ("", "") if thing is None else (str(thing._meta.verbose_name), str(thing))
    entry = AuditEntry.objects.create(
        person_id=getattr(person, "pk", None),
        person_name=(f"{person.name} <{person.email}>" if person else _unknown(request))[:300],
        address=_address(request)[:45],
        request_id=request_context.request_id.get(),
        action=action,
        kind=kind[:100],
        object_id="" if thing is None else str(thing.pk or "")[:64],
        object_name=name[:300],
        changes=changes or {},
        note=note[:500],
    )
    with translation.override("en"):
        logger.info("Administration: %s %s", entry, ", ".join(entry.changes), extra={"facts": {"audit": entry.pk}})
    return entry


def record_command(thing: Any, note: str) -> None:
    """The same for a command on the server. In a request, the administration's own log has the words."""
    if request_context.request.get() is None:
        record(AuditEntry.Action.DID, thing, note=note)


def _unknown(request: Any) -> str:
    return "Command line" if request is None else "Without an account"


def _address(request: Any) -> str:
    if request is None:
        return ""
    return str(getattr(request, "audit_address", "") or request.META.get("REMOTE_ADDR", ""))


def _is_told(thing: Any) -> bool:
    request = request_context.request.get()
    if request is None or request.method in ("GET", "HEAD"):
        return False
    if isinstance(thing, NEVER) or thing._meta.app_label in NEVER_OF:
        return False
    if isinstance(thing, GIVE_RIGHTS):
        return True
    user = getattr(request, "_cached_user", None) or getattr(request, "user", None)
    if not getattr(user, "is_staff", False):
        return False
    return isinstance(thing, WATCHED) or str(request.path).startswith("/admin/")


def _values(thing: models.Model) -> dict[str, Any]:
    return {
        field.attname: field.value_from_object(thing)
        for field in thing._meta.concrete_fields
        if field.attname not in UNTOLD
    }


def _shown(name: str, value: Any) -> Any:
    if any(word in name for word in SECRET):
        return HIDDEN if value else ""
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:LONGEST]


def _before_save(sender: Any, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    if raw or not instance.pk or not _is_told(instance):
        return
    try:
        instance._audit_before = _values(sender._base_manager.get(pk=instance.pk))
    except ObjectDoesNotExist:
        instance._audit_before = None


def _after_save(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if raw:
        return
    if isinstance(instance, LogEntry):
        _from_log_entry(instance)
        return
    if not _is_told(instance):
        return
    before, after = instance.__dict__.pop("_audit_before", None), _values(instance)
    changes = {
        name: [_shown(name, before.get(name)) if before else None, _shown(name, value)]
        for name, value in after.items()
        if before is None or before.get(name) != value
    }
    if created:
        record(AuditEntry.Action.ADDED, instance, changes={n: c for n, c in changes.items() if c[1] not in (None, "")})
    elif changes:
        record(AuditEntry.Action.CHANGED, instance, changes=changes)


def _before_delete(sender: Any, instance: Any, **kwargs: Any) -> None:
    if _is_told(instance):
        record(
            AuditEntry.Action.DELETED,
            instance,
            changes={name: [_shown(name, value), None] for name, value in _values(instance).items()},
        )


def _related_changed(
    sender: Any, instance: Any, action: str, reverse: bool, model: Any, pk_set: Any, **kwargs: Any
) -> None:
    if action not in ("post_add", "post_remove", "pre_clear") or not _is_told(instance):
        return
    names = sorted(str(one) for one in model._base_manager.filter(pk__in=pk_set or ()))
    if not names and action != "pre_clear":
        return
    with translation.override("en"):
        word = str(model._meta.verbose_name_plural)
    said = [None, names] if action == "post_add" else [names or "all", None]
    record(AuditEntry.Action.CHANGED, instance, changes={word: said})


def _from_log_entry(entry: LogEntry) -> None:
    """What a button of the administration did, which has words of its own, and no saved row to compare."""
    if request_context.request.get() is None or not entry.change_message or entry.change_message.startswith("["):
        return
    thing = entry.get_edited_object() if entry.content_type_id else None
    record(AuditEntry.Action.DID, thing, note=entry.change_message)


def connect() -> None:
    for signal, receiver in (
        (pre_save, _before_save),
        (post_save, _after_save),
        (pre_delete, _before_delete),
        (m2m_changed, _related_changed),
    ):
        signal.connect(receiver, dispatch_uid=f"gallery.audit.{receiver.__name__}")
