"""A person's sessions: which there are, and how they end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models import Person


@dataclass(frozen=True, slots=True)
class OpenSession:
    pk: int
    began_at: datetime
    address: str
    browser: str
    is_current: bool


def open_sessions(person: Person, current_key: str | None) -> list[OpenSession]:
    """Those in which the person is signed in, the newest first. Two queries; what is over is forgotten."""
    rows = list(UserSession.objects.filter(user_id=person.pk).order_by("-created_at", "-pk"))
    stored = Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    valid = {
        session.session_key
        for session in stored
        if session.get_decoded().get(HASH_SESSION_KEY) == person.get_session_auth_hash()
    }
    over = [row.pk for row in rows if row.session_key not in valid]
    if over:
        UserSession.objects.filter(pk__in=over).delete()
    return [
        OpenSession(
            row.pk, row.created_at, shown_address(row.ip), browser_of(row.user_agent), row.session_key == current_key
        )
        for row in rows
        if row.session_key in valid
    ]


def end(person: Person, pk: int) -> bool:
    """End one of a person's sessions; tell whether there was such a one."""
    row = UserSession.objects.filter(user_id=person.pk, pk=pk).first()
    if row is None:
        return False
    _delete([row.session_key])
    return True


def end_all(person: Person) -> None:
    """End all sessions of a person, also those that are in no list. A browser that stays needs its hash renewed."""
    Person.objects.filter(pk=person.pk).update(session_round=F("session_round") + 1)
    person.refresh_from_db(fields=["session_round"])


def delete_all(person: Person) -> None:
    """End all sessions of a person, and forget where they were."""
    _delete(list(UserSession.objects.filter(user_id=person.pk).values_list("session_key", flat=True)))
    end_all(person)


def _delete(keys: Iterable[str]) -> None:
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()


def delete_old() -> None:
    """Forget sessions that are over."""
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def shown_address(address: str) -> str:
    """The address; "" if it is not known."""
    return "" if address == "0.0.0.0" else address  # noqa: S104 compared, not bound


# What a browser calls itself, and what people call it. The first that fits counts: Edge also says Chrome and Safari.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """Such as "Firefox on Linux"."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), _("Another browser"))
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
