"""Every setting of the studio, read from environment variables here and nowhere else.

docs/running.md lists them. A missing or wrong value stops the start with a sentence that says what to set.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

# Makes generic classes such as ModelAdmin[Person], which type checkers need, legal at run time.
django_stubs_ext.monkeypatch()

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# -- The environment ---------------------------------------------------------------------------------------

ENVIRONMENT = env.str("LEMONSTUDIO_ENV", default="production")
if ENVIRONMENT not in {"local", "production"}:
    raise ImproperlyConfigured(f'LEMONSTUDIO_ENV is "{ENVIRONMENT}"; it can be "local" or "production".')
LOCAL = ENVIRONMENT == "local"
DEBUG = env.bool("LEMONSTUDIO_DEBUG", default=False)
if DEBUG and not LOCAL:
    raise ImproperlyConfigured(
        "LEMONSTUDIO_DEBUG shows internals to visitors; it works with LEMONSTUDIO_ENV=local only."
    )

# One folder holds everything that needs a backup: database, media, the local secret key.
DATA_DIR = Path(env.str("LEMONSTUDIO_DATA", default=str(BASE_DIR / "data"))).expanduser().resolve()
# Sessions, password hashes and pictures are nothing for other users of the machine. nginx, which hands out the media
# below it where LEMONSTUDIO_ACCEL_PREFIX is set, passes through the folder as a member of its group.
os.umask(0o077)
DATA_DIR.mkdir(parents=True, exist_ok=True)
with contextlib.suppress(OSError):  # of another owner; gallery.checks tells of what others may read
    DATA_DIR.chmod(0o710 if env.str("LEMONSTUDIO_ACCEL_PREFIX", default="") else 0o700)


def _local_secret_key() -> str:
    """The key in a local studio's data folder. It is made at the first start, so that sign-ins outlive restarts."""
    path = DATA_DIR / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_urlsafe(50)
        file.write(key)
    return key


SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
if LOCAL:
    SECRET_KEY = SECRET_KEY or _local_secret_key()
    hostname = socket.gethostname()
    ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]", hostname, f"{hostname}.local"]
    bound_to = env.str("HOST", default="127.0.0.1")
    # In addresses, and so in the Host header, an IPv6 address stands in brackets.
    named = f"[{bound_to}]" if ":" in bound_to else bound_to
    if bound_to not in {"0.0.0.0", "::"} and named not in ALLOWED_HOSTS:  # noqa: S104 compared, not bound
        ALLOWED_HOSTS.append(named)
elif not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set it to a long random text that stays the same over restarts, for example from"
        ' `python -c "import secrets; print(secrets.token_urlsafe(50))"`.'
        " (To try the studio out on your own machine, set LEMONSTUDIO_ENV=local instead.)"
    )
elif len(SECRET_KEY) < 40 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith("django-insecure-"):
    raise ImproperlyConfigured(
        "SECRET_KEY is too weak: sessions and links are signed with it. Use 40 random characters or more, for example"
        ' from `python -c "import secrets; print(secrets.token_urlsafe(50))"`.'
    )
elif not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is not set. Set it to the names under which people open the studio, comma-separated, for"
        " example ALLOWED_HOSTS=studio.example.org."
        " (To try the studio out on your own machine, set LEMONSTUDIO_ENV=local instead.)"
    )

# -- The upstream -----------------------------------------------------------------------------------------

LEMONDATA_API_KEY = env.str("LEMONDATA_API_KEY", default="").strip()
LEMONDATA_BASE_URL = env.str("LEMONDATA_BASE_URL", default="").strip().rstrip("/")
# Without a key and an address, the studio talks to the sandbox, the upstream that it brings along.
SANDBOX = not LEMONDATA_API_KEY and not LEMONDATA_BASE_URL
if SANDBOX:
    LEMONDATA_API_KEY = "sk-sandbox-studio"
    LEMONDATA_BASE_URL = env.str("LEMONSTUDIO_SANDBOX_URL", default="http://127.0.0.1:8001/v1")
elif not LEMONDATA_BASE_URL:
    LEMONDATA_BASE_URL = "https://api.lemondata.cc/v1"
# For `manage.py reconcile` alone. The vendor has a token of its own kind for it (mt-…), which makes no pictures.
LEMONDATA_MANAGEMENT_TOKEN = env.str("LEMONDATA_MANAGEMENT_TOKEN", default="").strip()


def _number(name: str, default: int) -> int:
    """Read a whole number above zero. Raises ImproperlyConfigured."""
    value = env.str(name, default=str(default)).strip()
    if not value.isdecimal() or not int(value):
        raise ImproperlyConfigured(f'{name} is "{value}"; it must be a whole number above zero.')
    return int(value)


def _origin(name: str, address: str) -> str:
    """The scheme and host of an address. Raises ImproperlyConfigured, which names the setting."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(f'{name} has "{address}", which is no http or https address.')
    return f"{parts.scheme}://{parts.netloc}"


_origin("LEMONDATA_BASE_URL", LEMONDATA_BASE_URL)
# Pictures may be fetched from these origins even though their addresses are private.
LEMONSTUDIO_TRUSTED_ORIGINS = frozenset(
    _origin("LEMONSTUDIO_TRUSTED_ORIGINS", origin.strip())
    for origin in env.list("LEMONSTUDIO_TRUSTED_ORIGINS", default=[])
    if origin.strip()
) | ({_origin("LEMONSTUDIO_SANDBOX_URL", LEMONDATA_BASE_URL)} if SANDBOX else frozenset())
# Requests a minute to one upstream account. The vendor allows an ordinary account 1,000.
LEMONSTUDIO_REQUESTS_PER_MINUTE = _number("LEMONSTUDIO_REQUESTS_PER_MINUTE", 1000)

# How long a stop lets requests that are on their way end. Cut off, they are paid for and their outcome is unknown; the
# slowest synchronous models take minutes.
LEMONSTUDIO_STOP_SECONDS = _number("LEMONSTUDIO_STOP_SECONDS", 180)

# How many generations one submit may ask for.
LEMONSTUDIO_MAX_PER_SUBMIT = _number("LEMONSTUDIO_MAX_PER_SUBMIT", 100)

# Who may use models whose price is not known.
LEMONSTUDIO_UNPRICED_MODELS = env.str("LEMONSTUDIO_UNPRICED_MODELS", default="without_budget")
if LEMONSTUDIO_UNPRICED_MODELS not in ("without_budget", "allowed", "administrators", "never"):
    raise ImproperlyConfigured(
        f'LEMONSTUDIO_UNPRICED_MODELS is "{LEMONSTUDIO_UNPRICED_MODELS}"; it can be "without_budget", "allowed", '
        '"administrators" or "never".'
    )

# -- The first administrator, for set-ups without a person at the browser ---------------------------------

LEMONSTUDIO_ADMIN_EMAIL = env.str("LEMONSTUDIO_ADMIN_EMAIL", default="")
LEMONSTUDIO_ADMIN_PASSWORD = env.str("LEMONSTUDIO_ADMIN_PASSWORD", default="")

# Lets a monitoring system ask for /readyz, with the header "Authorization: Bearer TOKEN".
LEMONSTUDIO_READY_TOKEN = env.str("LEMONSTUDIO_READY_TOKEN", default="")

# -- Django -----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "gallery",
    "lemonstudio.apps.StudioAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Not django_htmx: its middleware and helpers need no app, and the app would add an older htmx than ours.
    "django_q",
]
if LOCAL:
    # Commands that fill a studio with made-up pictures. A production studio must not have them.
    INSTALLED_APPS.append("lemonstudio.demo")
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    # Before all that looks at the host: probes ask by an IP address.
    "gallery.web.health.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "gallery.web.middleware.SignInMiddleware",
    "gallery.web.middleware.PrivatePagesMiddleware",
    "gallery.web.middleware.WrongMethodMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gallery.web.middleware.BusyMiddleware",
]
ROOT_URLCONF = "lemonstudio.urls"
WSGI_APPLICATION = "lemonstudio.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gallery.web.context_processors.studio",
            ],
            "builtins": ["gallery.templatetags.icons"],
        },
    },
]

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'studio.sqlite3'}")}
# Without health checks, a connection that the server closed would fail one request or one engine step.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: otherwise, of two transactions that read and then write, one fails at once, despite the time-out.
        # WAL: readers do not wait for writers. FULL: a claim that is committed before money is spent survives a
        # power cut.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "gallery.Person"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "create"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["gallery.web.sign_in.StudioBackend"]
PASSWORD_HASHERS = [
    "gallery.web.sign_in.BoundedArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"
# The only modules whose functions background workers run.
LEMONSTUDIO_TASK_MODULES = ["gallery.tasks"]
# The bucket that holds the media instead of MEDIA_ROOT, at S3 or a compatible server.
LEMONSTUDIO_S3_BUCKET = env.str("LEMONSTUDIO_S3_BUCKET", default="")
_S3_ENDPOINT = env.str("LEMONSTUDIO_S3_ENDPOINT", default="")
_S3_REGION = env.str("LEMONSTUDIO_S3_REGION", default="us-east-1")
# Lifetime of a signed address, in seconds.
_S3_SECONDS = _number("LEMONSTUDIO_S3_SECONDS", 300)
# The internal location under which an nginx in front of the studio serves MEDIA_ROOT.
LEMONSTUDIO_ACCEL_PREFIX = env.str("LEMONSTUDIO_ACCEL_PREFIX", default="")
_media: dict[str, Any] = {"BACKEND": "lemonstudio.storage.disk.DiskStorage"}
# Origins from which browsers load media, besides the studio itself.
_media_origins: list[str] = []
if LEMONSTUDIO_S3_BUCKET:
    _media = {
        "BACKEND": "lemonstudio.storage.bucket.BucketStorage",
        # boto3 finds the keys itself: in AWS_ACCESS_KEY_ID and its siblings, or from the machine's role.
        "OPTIONS": {
            "bucket_name": LEMONSTUDIO_S3_BUCKET,
            "endpoint_url": _S3_ENDPOINT or None,
            "region_name": _S3_REGION,
            "addressing_style": "path" if _S3_ENDPOINT else "virtual",
            "signature_version": "s3v4",
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "querystring_expire": _S3_SECONDS,
            # Beyond a megabyte, a file that is read waits on the disk and not in memory.
            "max_memory_size": 2**20,
        },
    }
    _media_origins = [
        _origin("LEMONSTUDIO_S3_ENDPOINT", _S3_ENDPOINT)
        if _S3_ENDPOINT
        else f"https://{LEMONSTUDIO_S3_BUCKET}.s3.{_S3_REGION}.amazonaws.com"
    ]
STORAGES = {
    "default": _media,
    "staticfiles": {"BACKEND": "lemonstudio.staticfiles.StudioStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750

# -- Background work --------------------------------------------------------------------------------------

_workers = _number("LEMONSTUDIO_WORKERS", 4)
Q_CLUSTER: dict[str, Any] = {
    "name": "lemonstudio",
    "label": "Background tasks",
    # The broker is a table of the default database, so that a message commits or rolls back with its row.
    "orm": "default",
    "broker_class": "lemonstudio.processes.broker.StudioBroker",
    "workers": _workers,
    "queue_limit": _workers,
    "bulk": 1,
    "poll": 0.05,
    "timeout": 330,
    # Above timeout × (1 + ceil((queue_limit + 1) / workers)), or a prefetched message runs twice;
    # gallery.checks guards it.
    "retry": 1200,
    "max_attempts": 1,
    # Practically never: a worker that is recycled takes its engine along, and with it every POST under way.
    "recycle": 1_000_000_000,
    "ack_failures": True,
    "save_limit": 0,
    "catch_up": False,
}

# -- Mail -------------------------------------------------------------------------------------------------

# Such as smtp+tls://user:password@mail.example.org:587
EMAIL_URL = env.str("EMAIL_URL", default="")
LEMONSTUDIO_SENDS_MAIL = bool(EMAIL_URL)
if LEMONSTUDIO_SENDS_MAIL:
    globals().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Lemon Studio <lemonstudio@localhost>")

# -- Security ---------------------------------------------------------------------------------------------

CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# The address under which people open the studio, for links in e-mails that no browser has asked for.
_addresses = [origin for origin in CSRF_TRUSTED_ORIGINS if "*" not in origin]
LEMONSTUDIO_URL = env.str("LEMONSTUDIO_URL", default=_addresses[0] if _addresses else "").strip()
LEMONSTUDIO_URL = _origin("LEMONSTUDIO_URL", LEMONSTUDIO_URL) if LEMONSTUDIO_URL else ""
HTTPS = env.bool("LEMONSTUDIO_HTTPS", default=not LOCAL)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS
# A load balancer asks for /healthz over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("LEMONSTUDIO_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = False
if env.bool("LEMONSTUDIO_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        **({"img-src": [SELF, *_media_origins]} if _media_origins else {}),
    }
}
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # the team decides about other sub-domains of its host; see LEMONSTUDIO_HSTS_SUBDOMAINS
    "security.W021",  # the same for browsers' preload lists
]

# -- Logging ----------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"tokens": {"()": "lemonstudio.logs.HideTokens"}},
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["tokens"]}},
    "root": {"handlers": ["console"], "level": env.str("LEMONSTUDIO_LOG_LEVEL", default="WARNING")},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Not found and similar answers are no errors of the studio; the log is for faults that need a fix.
        "django.request": {"level": "ERROR"},
        # Scanners ask under made-up hosts and with oversized forms; the answer says what was wrong with it.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.RequestDataTooBig": {"level": "CRITICAL"},
        "django.security.TooManyFieldsSent": {"level": "CRITICAL"},
        "django.security.TooManyFilesSent": {"level": "CRITICAL"},
        # Sign-ins that failed, for whoever watches the log.
        "gallery.web.sign_in": {"level": "INFO"},
        # django-q2 adds its own handler; one is enough.
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
