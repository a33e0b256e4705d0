"""Every setting of the studio, read from environment variables here and nowhere else.

They come from the environment, from a `.env` file, and from the files that NAME_FILE names. docs/running.md lists them.
A missing or wrong value stops the start with a sentence that says what to set.
"""

import contextlib
import os
import secrets
import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy

from lemonstudio import environment
from lemonstudio.environment import choice as _choice
from lemonstudio.environment import env
from lemonstudio.environment import flag as _flag
from lemonstudio.environment import number as _number
from lemonstudio.environment import origin as _origin
from lemonstudio.environment import own_origin as _own_origin

# Makes generic classes such as ModelAdmin[Person], which type checkers need, legal at run time.
django_stubs_ext.monkeypatch()

environment.read_dotenv()
environment.refuse_sub_path()

BASE_DIR = Path(__file__).resolve().parent.parent
# What is no Python lies at the top of a checkout, and inside the installed package.
_FILES = BASE_DIR if environment.IS_CHECKOUT else Path(__file__).resolve().parent


# -- The environment ---------------------------------------------------------------------------------------

ENVIRONMENT = env.str("LEMONSTUDIO_ENV", default="production")
if ENVIRONMENT not in {"local", "production"}:
    raise ImproperlyConfigured(f'LEMONSTUDIO_ENV is "{ENVIRONMENT}"; it can be "local" or "production".')
LOCAL = ENVIRONMENT == "local"
DEBUG = _flag("LEMONSTUDIO_DEBUG", False)
if DEBUG and not LOCAL:
    raise ImproperlyConfigured(
        "LEMONSTUDIO_DEBUG shows internals to visitors; it works with LEMONSTUDIO_ENV=local only."
    )

# One folder holds everything that needs a backup: database, media, the local secret key.
_HOME = Path(env.str("XDG_DATA_HOME", default="") or "~/.local/share")
_DATA = BASE_DIR / "data" if environment.IS_CHECKOUT else _HOME / "lemonstudio"
DATA_DIR = Path(env.str("LEMONSTUDIO_DATA", default="") or _DATA).expanduser().resolve()
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
# Earlier keys, the latest first: what was signed or encrypted with them stays valid.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
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
# Where the upstream can fetch pictures from the studio, for models that take references only as addresses.
LEMONSTUDIO_PUBLIC_URL = env.str("LEMONSTUDIO_PUBLIC_URL", default="").strip()
# For `manage.py reconcile` alone. The vendor has a token of its own kind for it (mt-…), which makes no pictures.
LEMONDATA_MANAGEMENT_TOKEN = env.str("LEMONDATA_MANAGEMENT_TOKEN", default="").strip()


_origin("LEMONDATA_BASE_URL", LEMONDATA_BASE_URL)
if LEMONSTUDIO_PUBLIC_URL:
    LEMONSTUDIO_PUBLIC_URL = _origin("LEMONSTUDIO_PUBLIC_URL", LEMONSTUDIO_PUBLIC_URL)
    # The upstream asks for them under this name.
    ALLOWED_HOSTS.append(str(urlsplit(LEMONSTUDIO_PUBLIC_URL).hostname))
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
LEMONSTUDIO_UNPRICED_MODELS = _choice(
    "LEMONSTUDIO_UNPRICED_MODELS", "without_budget", ("without_budget", "allowed", "administrators", "never")
)

# -- The first administrator, for set-ups without a person at the browser ---------------------------------

LEMONSTUDIO_ADMIN_EMAIL = env.str("LEMONSTUDIO_ADMIN_EMAIL", default="")
LEMONSTUDIO_ADMIN_PASSWORD = env.str("LEMONSTUDIO_ADMIN_PASSWORD", default="")

# Lets a monitoring system ask for /readyz, with the header "Authorization: Bearer TOKEN".
LEMONSTUDIO_READY_TOKEN = env.str("LEMONSTUDIO_READY_TOKEN", default="")

# The same for /metrics; without it there is none, and nothing is counted.
LEMONSTUDIO_METRICS_TOKEN = env.str("LEMONSTUDIO_METRICS_TOKEN", default="")
# How often each process adds what it has counted to the database, in seconds; 0 never.
LEMONSTUDIO_METRICS_SECONDS = 10.0

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
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
if LOCAL:
    # Commands that fill a studio with made-up pictures. A production studio must not have them.
    INSTALLED_APPS.append("lemonstudio.demo")
MIDDLEWARE = [
    "gallery.web.requests.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    # Before all that looks at the host: probes ask by an IP address.
    "gallery.web.health.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gallery.web.middleware.CompressPagesMiddleware",
    "gallery.web.middleware.KeepSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gallery.web.trusted_header.TrustedHeaderMiddleware",
    # After what says who asks.
    "gallery.web.language.LanguageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
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
        "DIRS": [_FILES / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gallery.web.context_processors.studio",
            ],
            "builtins": ["gallery.templatetags.icons", "gallery.templatetags.figures", "django.templatetags.i18n"],
        },
    },
]

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'studio.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("postgresql") and not DATABASES["default"].get("PASSWORD"):
    # libpq reads PGPASSWORD itself, and not the file that PGPASSWORD_FILE names.
    DATABASES["default"]["PASSWORD"] = env.str("PGPASSWORD", default="")
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

# -- Signing in --------------------------------------------------------------------------------------------

# Who needs a passkey or an authenticator app. Without one they reach only the page where they set it up.
LEMONSTUDIO_SECOND_STEP = env.str("LEMONSTUDIO_SECOND_STEP", default="optional")
if LEMONSTUDIO_SECOND_STEP not in ("optional", "administrators", "everyone"):
    raise ImproperlyConfigured(
        f'LEMONSTUDIO_SECOND_STEP is "{LEMONSTUDIO_SECOND_STEP}"; it can be "optional", "administrators" or "everyone".'
    )
# Lifetime of the link in a mail, in seconds.
PASSWORD_RESET_TIMEOUT = 3600

ACCOUNT_ADAPTER = "gallery.web.sign_in.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
# The studio's own limits count in the database, for all processes; these would count in each process.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "reauthenticate": None}
ACCOUNT_FORMS = {"reauthenticate": "gallery.forms.second_step.PasswordAgainForm"}
MFA_ADAPTER = "gallery.web.second_step.SecondStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Lemon Studio"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "gallery.forms.second_step.SecondStepForm",
    "reauthenticate": "gallery.forms.second_step.CodeAgainForm",
    "activate_totp": "gallery.forms.second_step.ActivateAppForm",
    "add_webauthn": "gallery.forms.second_step.PasskeyForm",
    "authenticate_webauthn": "gallery.forms.second_step.PasskeyStepForm",
    "reauthenticate_webauthn": "gallery.forms.second_step.PasskeyAgainForm",
    "login_webauthn": "gallery.forms.second_step.SignInByPasskeyForm",
}

SOCIALACCOUNT_ADAPTER = "gallery.web.providers.ProviderAdapter"
# A provider that does not answer in this time does not sign in, and its thread goes on to others.
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}


def _pairs(name: str) -> dict[str, str]:
    """Read "a=b,c=d". Raises ImproperlyConfigured."""
    rows = [row.partition("=") for row in env.list(name, default=[]) if row.strip()]
    if not all(key.strip() and value.strip() for key, _, value in rows):
        raise ImproperlyConfigured(f"{name} must be pairs such as designers=Design,art=Art direction.")
    return {key.strip(): value.strip() for key, _, value in rows}


# One provider (OpenID Connect) by environment; others can be added in the administration.
_oidc = {name: env.str(f"LEMONSTUDIO_OIDC_{name}", default="").strip() for name in ("ISSUER", "CLIENT_ID", "NAME")}
_oidc_secret = env.str("LEMONSTUDIO_OIDC_CLIENT_SECRET", default="").strip()
if _oidc["ISSUER"] or _oidc["CLIENT_ID"] or _oidc_secret:
    if not (_oidc["ISSUER"] and _oidc["CLIENT_ID"] and _oidc_secret):
        raise ImproperlyConfigured(
            "To sign in by a provider, set LEMONSTUDIO_OIDC_ISSUER, LEMONSTUDIO_OIDC_CLIENT_ID and"
            " LEMONSTUDIO_OIDC_CLIENT_SECRET, all three."
        )
    if not _origin("LEMONSTUDIO_OIDC_ISSUER", _oidc["ISSUER"]).startswith("https://") and not LOCAL:
        # The provider's answers count because they come by TLS.
        raise ImproperlyConfigured("LEMONSTUDIO_OIDC_ISSUER must begin with https://.")
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"].append(
        {
            "provider_id": "oidc",
            "name": _oidc["NAME"] or gettext_lazy("your company account"),
            "client_id": _oidc["CLIENT_ID"],
            "secret": _oidc_secret,
            "settings": {
                "server_url": _oidc["ISSUER"].rstrip("/"),
                "scope": env.str("LEMONSTUDIO_OIDC_SCOPES", default="openid profile email").split(),
                "verified_email": env.bool("LEMONSTUDIO_OIDC_TRUST_EMAIL", default=False),
                "domains": env.list("LEMONSTUDIO_OIDC_DOMAINS", default=[]),
                "allowed_groups": env.list("LEMONSTUDIO_OIDC_ALLOWED_GROUPS", default=[]),
                "groups_claim": env.str("LEMONSTUDIO_OIDC_GROUPS_CLAIM", default="groups"),
                "groups": _pairs("LEMONSTUDIO_OIDC_GROUPS"),
                "admin_groups": env.list("LEMONSTUDIO_OIDC_ADMIN_GROUPS", default=[]),
                "second_step": env.bool("LEMONSTUDIO_OIDC_SECOND_STEP", default=False),
            },
        }
    )

# A proxy that has signed the person in names the e-mail in this header. It counts from these addresses only.
LEMONSTUDIO_TRUSTED_HEADER = env.str("LEMONSTUDIO_TRUSTED_HEADER", default="").strip()
LEMONSTUDIO_TRUSTED_HEADER_NAME = env.str("LEMONSTUDIO_TRUSTED_HEADER_NAME", default="").strip()
LEMONSTUDIO_TRUSTED_HEADER_CREATES = env.bool("LEMONSTUDIO_TRUSTED_HEADER_CREATES", default=False)
try:
    LEMONSTUDIO_TRUSTED_PROXIES = [
        ip_network(address.strip(), strict=False)
        for address in env.list("LEMONSTUDIO_TRUSTED_PROXIES", default=[])
        if address.strip()
    ]
except ValueError as problem:
    raise ImproperlyConfigured(f"LEMONSTUDIO_TRUSTED_PROXIES has a mistake: {problem}.") from None
if bool(LEMONSTUDIO_TRUSTED_HEADER) != bool(LEMONSTUDIO_TRUSTED_PROXIES):
    raise ImproperlyConfigured(
        "To let a proxy sign people in, set both LEMONSTUDIO_TRUSTED_HEADER and LEMONSTUDIO_TRUSTED_PROXIES, such as"
        " X-Forwarded-Email and 127.0.0.1."
    )
if any(network.prefixlen == 0 for network in LEMONSTUDIO_TRUSTED_PROXIES):
    raise ImproperlyConfigured("LEMONSTUDIO_TRUSTED_PROXIES names all addresses. Then every visitor is any person.")

# In the order in which the account page offers them; gallery/locale has the translations.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hans", "简体中文")]
# What strangers get whose browser asks for none of them, and what background work writes.
LANGUAGE_CODE = _choice("LEMONSTUDIO_LANGUAGE", "en", tuple(code for code, _ in LANGUAGES))
# Django looks there before any app, so that the studio's words win.
LOCALE_PATHS = [BASE_DIR / "gallery" / "locale"]
# How each language writes dates.
FORMAT_MODULE_PATH = "lemonstudio.formats"
TIME_ZONE = environment.time_zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [_FILES / "static"]
MEDIA_ROOT = DATA_DIR / "media"
# The only modules whose functions background workers run.
LEMONSTUDIO_TASK_MODULES = ["gallery.tasks"]
# The bucket that holds the media instead of MEDIA_ROOT, at S3 or a compatible server.
LEMONSTUDIO_S3_BUCKET = env.str("LEMONSTUDIO_S3_BUCKET", default="")
_S3_ENDPOINT = env.str("LEMONSTUDIO_S3_ENDPOINT", default="")
# Where browsers reach the bucket's server, if that is another address.
_S3_PUBLIC_ENDPOINT = env.str("LEMONSTUDIO_S3_PUBLIC_ENDPOINT", default="") or _S3_ENDPOINT
# How people get what is in the bucket: by a redirect to it, or through the studio.
LEMONSTUDIO_S3_SERVE = _choice("LEMONSTUDIO_S3_SERVE", "redirect", ("redirect", "studio"))
_S3_REGION = env.str("LEMONSTUDIO_S3_REGION", default="us-east-1")
# Lifetime of a signed address, in seconds.
LEMONSTUDIO_S3_SECONDS = _number("LEMONSTUDIO_S3_SECONDS", 300)
# boto3 finds the keys itself, unless they are in files: in the environment, or from the machine's role.
_S3_KEYS = {
    option: env.str(name)
    for option, name in (("access_key", "AWS_ACCESS_KEY_ID"), ("secret_key", "AWS_SECRET_ACCESS_KEY"))
    if os.environ.get(f"{name}_FILE")
}
# The internal location under which an nginx in front of the studio serves MEDIA_ROOT.
LEMONSTUDIO_ACCEL_PREFIX = env.str("LEMONSTUDIO_ACCEL_PREFIX", default="")
_media: dict[str, Any] = {"BACKEND": "lemonstudio.storage.disk.DiskStorage"}
# Origins from which browsers load media, besides the studio itself.
_media_origins: list[str] = []
if LEMONSTUDIO_S3_BUCKET:
    _media = {
        "BACKEND": "lemonstudio.storage.bucket.BucketStorage",
        "OPTIONS": {
            **_S3_KEYS,
            "bucket_name": LEMONSTUDIO_S3_BUCKET,
            "endpoint_url": _S3_ENDPOINT or None,
            "public_endpoint_url": _S3_PUBLIC_ENDPOINT or None,
            "region_name": _S3_REGION,
            "addressing_style": "path" if _S3_ENDPOINT else "virtual",
            "signature_version": "s3v4",
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "querystring_expire": LEMONSTUDIO_S3_SECONDS,
            # Beyond a megabyte, a file that is read waits on the disk and not in memory.
            "max_memory_size": 2**20,
        },
    }
    if LEMONSTUDIO_S3_SERVE == "redirect":
        _media_origins = [
            _origin("LEMONSTUDIO_S3_PUBLIC_ENDPOINT", _S3_PUBLIC_ENDPOINT)
            if _S3_PUBLIC_ENDPOINT
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
    "label": gettext_lazy("Background tasks"),
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

# Alerts also go to this webhook. With most services the address is itself a secret.
LEMONSTUDIO_WEBHOOK_URL = environment.web_address("LEMONSTUDIO_WEBHOOK_URL")
LEMONSTUDIO_WEBHOOK_KIND = _choice("LEMONSTUDIO_WEBHOOK_KIND", "generic", ("generic", "slack", "teams", "discord"))
LEMONSTUDIO_WEBHOOK_SECRET = env.str("LEMONSTUDIO_WEBHOOK_SECRET", default="")

# -- Security ---------------------------------------------------------------------------------------------

CSRF_TRUSTED_ORIGINS = [
    _own_origin("CSRF_TRUSTED_ORIGINS", origin.strip())
    for origin in env.list("CSRF_TRUSTED_ORIGINS", default=[])
    if origin.strip()
]
# The address under which people open the studio, for links in e-mails that no browser has asked for.
_addresses = [origin for origin in CSRF_TRUSTED_ORIGINS if "*" not in origin]
LEMONSTUDIO_URL = env.str("LEMONSTUDIO_URL", default=_addresses[0] if _addresses else "").strip()
LEMONSTUDIO_URL = _own_origin("LEMONSTUDIO_URL", LEMONSTUDIO_URL) if LEMONSTUDIO_URL else ""
HTTPS = _flag("LEMONSTUDIO_HTTPS", not LOCAL)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS
# A load balancer asks for /healthz over plain HTTP from inside, and Prometheus for /metrics.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|metrics)$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _flag("LEMONSTUDIO_HSTS_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = False
if _flag("LEMONSTUDIO_BEHIND_PROXY", False):
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

_LOG_LEVEL = _choice("LEMONSTUDIO_LOG_LEVEL", "WARNING", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
_LOG_FORMAT = _choice("LEMONSTUDIO_LOG_FORMAT", "text", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"tokens": {"()": "lemonstudio.logs.HideTokens"}},
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "lemonstudio.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": _LOG_FORMAT, "filters": ["tokens"]}},
    "root": {"handlers": ["console"], "level": _LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Not found and similar answers are no errors of the studio; the log is for faults that need a fix.
        "django.request": {"level": "ERROR"},
        # Scanners ask under made-up hosts and with oversized forms; the answer says what was wrong with it.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.RequestDataTooBig": {"level": "CRITICAL"},
        "django.security.TooManyFieldsSent": {"level": "CRITICAL"},
        "django.security.TooManyFilesSent": {"level": "CRITICAL"},
        # Sign-ins, for programs that watch the log.
        "gallery.web.sign_in": {"level": "INFO"},
        # A line for each request.
        "gallery.web.requests": {"level": "INFO" if _flag("WEB_ACCESS_LOG", False) else "WARNING"},
        # django-q2 adds its own handler; one is enough.
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
