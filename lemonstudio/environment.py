"""Where settings come from: environment variables, a `.env` file, and files that hold one secret each.

The readers raise ImproperlyConfigured, with a sentence that names the setting. Only lemonstudio/settings.py and the
commands that load it use this module.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured

# The folder of a checkout. In an installed package there is no manage.py beside it.
CHECKOUT = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (CHECKOUT / "manage.py").is_file() and (CHECKOUT / "pyproject.toml").is_file()
# Names another file of settings; an empty text means none.
DOTENV = "LEMONSTUDIO_DOTENV"
SYSTEM_FILE = Path("/etc/lemonstudio/env")
# Who sets one of these runs a studio for others, and must not get a local one because another is missing.
PRODUCTION_ONLY = ("SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "LEMONSTUDIO_URL", "LEMONSTUDIO_BEHIND_PROXY")

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""(?P<mark>["'])(?P<text>.*)(?P=mark)(?:\s+#.*)?""")
_COMMENT = re.compile(r"(?:^|\s+)#.*")


def read_dotenv() -> Path | None:
    """Put what the file of settings says into the environment, where that says nothing yet. Return the file.

    The first of these is read: $LEMONSTUDIO_DOTENV, ./.env, .env beside manage.py, /etc/lemonstudio/env.
    Raises ImproperlyConfigured for a file that is named and missing, and for a line that is no setting.
    """
    path = _dotenv()
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ImproperlyConfigured(f"The settings in {path} cannot be read: {_reason(problem)}.") from None
    for number, line in enumerate(lines, 1):
        if (line := line.strip()) and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            if match is None:
                # Without the line itself, which may be a secret.
                raise ImproperlyConfigured(f"Line {number} of {path} is no setting; write NAME=value.")
            os.environ.setdefault(match["name"], _value(match["value"]))
    # Processes that this one starts have it all from here, and may stand in another folder.
    os.environ[DOTENV] = ""
    return path


def _dotenv() -> Path | None:
    named = os.environ.get(DOTENV)
    if named is not None:
        return Path(named).expanduser() if named else None
    places = [Path(".env"), *([CHECKOUT / ".env"] if IS_CHECKOUT else []), SYSTEM_FILE]
    return next((path for path in places if path.is_file()), None)


def _value(text: str) -> str:
    """As Compose and systemd read it: quotes are taken off, and a comment needs a space before it."""
    text = text.strip()
    if match := _QUOTED.fullmatch(text):
        return match["text"]
    return _COMMENT.sub("", text, count=1)


def choose_kind() -> None:
    """Say that this is a local studio, unless the settings are those of a studio for others.

    For commands that a person types. A web server that imports lemonstudio.wsgi gets production in any case.
    """
    read_dotenv()
    if not any(os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in PRODUCTION_ONLY):
        os.environ.setdefault("LEMONSTUDIO_ENV", "local")


class Variables(Mapping[str, str]):
    """The environment, in which NAME_FILE may name a file that holds the value of NAME.

    What such a file holds stays out of the environment, which processes inherit and the system shows.
    """

    def __getitem__(self, name: str) -> str:
        path = os.environ.get(f"{name}_FILE", "")
        if not path:
            return os.environ[name]
        if os.environ.get(name):
            raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Set one of them.")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise ImproperlyConfigured(f"{name}_FILE is {path}, which cannot be read: {_reason(problem)}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _reason(problem: Exception) -> str:
    return (problem.strerror or "unknown") if isinstance(problem, OSError) else "it is no UTF-8 text"


env = environ.Env()
env.ENVIRON = Variables()

NO_SUB_PATH = "The studio cannot be below a path; give it a host name of its own, such as studio.example.org."


def flag(name: str, default: bool) -> bool:
    """Read a switch."""
    value = env.str(name, default="").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if not value:
        return default
    raise ImproperlyConfigured(f'{name} is "{value}"; it can be "yes" or "no".')


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """Read one of a few words."""
    value = env.str(name, default="").strip() or default
    if value not in choices:
        *some, last = (f'"{choice}"' for choice in choices)
        raise ImproperlyConfigured(f'{name} is "{value}"; it can be {", ".join(some)} or {last}.')
    return value


def number(name: str, default: int) -> int:
    """Read a whole number above zero."""
    value = env.str(name, default=str(default)).strip()
    if not value.isdecimal() or not int(value):
        raise ImproperlyConfigured(f'{name} is "{value}"; it must be a whole number above zero.')
    return int(value)


def time_zone(name: str, default: str) -> str:
    """Read the name of a time zone."""
    value = env.str(name, default="").strip() or default
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImproperlyConfigured(f'{name} is "{value}", which is no time zone such as Europe/Berlin.') from None
    return value


def origin(name: str, address: str) -> str:
    """The scheme and host of an address."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(f'{name} has "{address}", which is no http or https address.')
    return f"{parts.scheme}://{parts.netloc}"


def own_origin(name: str, address: str) -> str:
    """The same for the studio's own address, which has no path."""
    found = origin(name, address)
    if address.rstrip("/") != found:
        raise ImproperlyConfigured(f'{name} has "{address}". {NO_SUB_PATH}')
    return found


def refuse_sub_path() -> None:
    """Addresses in scripts and styles begin at the root of the host."""
    if (path := os.environ.get("SCRIPT_NAME", "/")) not in ("", "/"):
        raise ImproperlyConfigured(f'SCRIPT_NAME is "{path}". {NO_SUB_PATH}')
