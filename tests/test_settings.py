"""Invalid settings stop the start with one sentence that says what to set."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

pytestmark = pytest.mark.process
SHOWN = """
import json
from lemonstudio import settings
names = ["INSTALLED_APPS", "SANDBOX", "LEMONDATA_API_KEY", "LEMONDATA_BASE_URL", "SECRET_KEY", "DEBUG", "HTTPS",
         "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "LEMONSTUDIO_URL"]
shown = {name: getattr(settings, name) for name in names}
shown["TRUSTED"] = sorted(settings.LEMONSTUDIO_TRUSTED_ORIGINS)
print(json.dumps(shown))
"""
STRONG = "kX3-9vQ_wTz7Lr2Jd8Yb5Nm1Hc6Pf4Sg0Ra-Ue_Oi3Wq"
PRODUCTION = {"SECRET_KEY": STRONG, "ALLOWED_HOSTS": "studio.example.org"}
LOCAL = {"LEMONSTUDIO_ENV": "local"}
OIDC = {
    "LEMONSTUDIO_OIDC_ISSUER": "https://login.example.org",
    "LEMONSTUDIO_OIDC_CLIENT_ID": "studio",
    "LEMONSTUDIO_OIDC_CLIENT_SECRET": "a secret",
}
HEADER = {"LEMONSTUDIO_TRUSTED_HEADER": "X-Forwarded-Email"}


def start(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Load the settings in a new process with only this environment."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", SHOWN],
        cwd=settings.BASE_DIR,
        env=env | {"LEMONSTUDIO_DATA": str(folder), "LEMONSTUDIO_DOTENV": ""} | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def loaded(folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    done = start(folder, environment)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "SECRET_KEY is not set."),
        ({"ALLOWED_HOSTS": "studio.example.org"}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": STRONG}, "ALLOWED_HOSTS is not set."),
        (PRODUCTION | {"SECRET_KEY": "short"}, "SECRET_KEY is too weak"),
        (PRODUCTION | {"SECRET_KEY": "s" * 60}, "SECRET_KEY is too weak"),
        (PRODUCTION | {"SECRET_KEY": f"django-insecure-{STRONG}"}, "SECRET_KEY is too weak"),
        (PRODUCTION | {"LEMONSTUDIO_DEBUG": "1"}, "LEMONSTUDIO_DEBUG shows internals to visitors"),
        (PRODUCTION | {"LEMONSTUDIO_ENV": "prod"}, 'LEMONSTUDIO_ENV is "prod"'),
        (PRODUCTION | {"LEMONSTUDIO_BEHIND_PROXY": "ja"}, 'LEMONSTUDIO_BEHIND_PROXY is "ja"'),
        (PRODUCTION | {"SCRIPT_NAME": "/studio"}, "The studio cannot be below a path"),
        (PRODUCTION | {"LEMONSTUDIO_URL": "https://example.org/studio"}, "The studio cannot be below a path"),
        (PRODUCTION | {"CSRF_TRUSTED_ORIGINS": "https://a.example/b"}, "The studio cannot be below a path"),
        (LOCAL | {"TIME_ZONE": "Mars/X"}, 'TIME_ZONE is "Mars/X"'),
        (LOCAL | {"LEMONSTUDIO_S3_SERVE": "nginx"}, 'LEMONSTUDIO_S3_SERVE is "nginx"'),
        (LOCAL | {"LEMONSTUDIO_SECOND_STEP": "admins"}, 'LEMONSTUDIO_SECOND_STEP is "admins"'),
        (LOCAL | {"LEMONSTUDIO_OIDC_ISSUER": "https://login.example.org"}, "set LEMONSTUDIO_OIDC_ISSUER"),
        (PRODUCTION | OIDC | {"LEMONSTUDIO_OIDC_ISSUER": "http://login.example.org"}, "must begin with https://"),
        (LOCAL | OIDC | {"LEMONSTUDIO_OIDC_GROUPS": "designers"}, "LEMONSTUDIO_OIDC_GROUPS must be pairs"),
        (LOCAL | {"LEMONSTUDIO_TRUSTED_HEADER": "X-Email"}, "set both LEMONSTUDIO_TRUSTED_HEADER"),
        (LOCAL | HEADER | {"LEMONSTUDIO_TRUSTED_PROXIES": "10.0.0.0/99"}, "LEMONSTUDIO_TRUSTED_PROXIES has a mistake"),
        (LOCAL | HEADER | {"LEMONSTUDIO_TRUSTED_PROXIES": "::/0"}, "LEMONSTUDIO_TRUSTED_PROXIES names all addresses"),
        (LOCAL | {"LEMONDATA_BASE_URL": "api.example"}, 'LEMONDATA_BASE_URL has "api.example"'),
        (LOCAL | {"LEMONDATA_BASE_URL": "ftp://api.example"}, 'LEMONDATA_BASE_URL has "ftp://api.example"'),
        (LOCAL | {"LEMONDATA_BASE_URL": "http://"}, "LEMONDATA_BASE_URL"),
        (LOCAL | {"LEMONDATA_BASE_URL": "http://[::1"}, "LEMONDATA_BASE_URL"),
        (LOCAL | {"LEMONSTUDIO_TRUSTED_ORIGINS": "10.0.0.1"}, 'LEMONSTUDIO_TRUSTED_ORIGINS has "10.0.0.1"'),
        (LOCAL | {"LEMONSTUDIO_REQUESTS_PER_MINUTE": "many"}, "LEMONSTUDIO_REQUESTS_PER_MINUTE"),
        (LOCAL | {"LEMONSTUDIO_WORKERS": "some"}, "LEMONSTUDIO_WORKERS"),
        (LOCAL | {"LEMONSTUDIO_STOP_SECONDS": "0"}, "LEMONSTUDIO_STOP_SECONDS"),
        (LOCAL | {"LEMONSTUDIO_URL": "studio.example.org"}, 'LEMONSTUDIO_URL has "studio.example.org"'),
        (LOCAL | {"LEMONSTUDIO_PUBLIC_URL": "a.example"}, 'LEMONSTUDIO_PUBLIC_URL has "a.example"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_setting_stops_with_a_sentence_that_names_it(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    done = start(tmp_path, environment)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert sentence in last


def test_failed_start_does_not_print_the_key(tmp_path: Path) -> None:
    done = start(tmp_path, LOCAL | {"LEMONDATA_API_KEY": "sk-live-4f1d8a", "LEMONDATA_BASE_URL": "nowhere"})
    assert done.returncode != 0
    assert "sk-live-4f1d8a" not in done.stderr + done.stdout


def test_production_settings_are_strict(tmp_path: Path) -> None:
    shown = loaded(tmp_path, PRODUCTION)
    assert (shown["DEBUG"], shown["HTTPS"], shown["SESSION_COOKIE_SECURE"]) == (False, True, True)
    assert shown["SECURE_HSTS_SECONDS"] == 365 * 24 * 3600
    assert shown["ALLOWED_HOSTS"] == ["studio.example.org"]
    assert not (tmp_path / "secret_key").exists()


def test_local_start_needs_no_settings_and_keeps_its_secret_key(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first, second = loaded(folder, LOCAL), loaded(folder, LOCAL)
    assert len(first["SECRET_KEY"]) >= 50
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert ((folder / "secret_key").stat().st_mode & 0o777) == 0o600
    assert (first["DEBUG"], first["HTTPS"]) == (False, False)
    assert {"localhost", "127.0.0.1"} <= set(first["ALLOWED_HOSTS"])
    assert "*" not in first["ALLOWED_HOSTS"]


OWN = "https://images.example/v1"
VENDOR = "https://api.lemondata.cc/v1"
SANDBOX = "http://127.0.0.1:8001/v1"


@pytest.mark.parametrize(
    ("environment", "sandbox", "address", "trusted"),
    [
        ({}, True, SANDBOX, ["http://127.0.0.1:8001"]),
        ({"LEMONDATA_API_KEY": " "}, True, SANDBOX, ["http://127.0.0.1:8001"]),
        (
            {"LEMONSTUDIO_SANDBOX_URL": "http://127.0.0.1:9/v1"},
            True,
            "http://127.0.0.1:9/v1",
            ["http://127.0.0.1:9"],
        ),
        ({"LEMONDATA_API_KEY": "sk-x"}, False, VENDOR, []),
        ({"LEMONDATA_BASE_URL": f"{OWN}/"}, False, OWN, []),
        ({"LEMONDATA_API_KEY": "sk-x", "LEMONDATA_BASE_URL": OWN}, False, OWN, []),
        (
            {
                "LEMONDATA_API_KEY": "sk-x",
                "LEMONSTUDIO_TRUSTED_ORIGINS": "http://10.0.0.1:9000/path, https://b.example",
            },
            False,
            VENDOR,
            ["http://10.0.0.1:9000", "https://b.example"],
        ),
    ],
    ids=["nothing", "blank key", "sandbox elsewhere", "key", "address", "both", "trusted origins"],
)
def test_sandbox_is_used_while_no_upstream_is_set(
    tmp_path: Path, environment: dict[str, str], sandbox: bool, address: str, trusted: list[str]
) -> None:
    shown = loaded(tmp_path, LOCAL | environment)
    assert (shown["SANDBOX"], shown["LEMONDATA_BASE_URL"], shown["TRUSTED"]) == (sandbox, address, trusted)
    assert (shown["LEMONDATA_API_KEY"] == "sk-sandbox-studio") is sandbox


def test_secrets_come_from_files(tmp_path: Path) -> None:
    for name, text in (("key", f"{STRONG}\n"), ("api", "sk-from-a-file\n")):
        (tmp_path / name).write_text(text)
    files = {"SECRET_KEY_FILE": str(tmp_path / "key"), "LEMONDATA_API_KEY_FILE": str(tmp_path / "api")}
    shown = loaded(tmp_path, {"ALLOWED_HOSTS": "studio.example.org"} | files)
    assert (shown["SECRET_KEY"], shown["LEMONDATA_API_KEY"]) == (STRONG, "sk-from-a-file")


def test_only_a_local_studio_has_the_demo_commands(tmp_path: Path) -> None:
    assert "lemonstudio.demo" in loaded(tmp_path, LOCAL)["INSTALLED_APPS"]
    assert "lemonstudio.demo" not in loaded(tmp_path, PRODUCTION)["INSTALLED_APPS"]


@pytest.mark.parametrize(("host", "named"), [("fd00::1", "[fd00::1]"), ("10.0.0.5", "10.0.0.5")])
def test_the_address_that_it_listens_on_is_one_that_it_answers_to(tmp_path: Path, host: str, named: str) -> None:
    assert named in loaded(tmp_path, LOCAL | {"HOST": host})["ALLOWED_HOSTS"]


def test_the_public_address_is_one_that_it_answers_to(tmp_path: Path) -> None:
    environment = PRODUCTION | {"LEMONSTUDIO_PUBLIC_URL": "https://lends.example.org/"}
    assert loaded(tmp_path, environment)["ALLOWED_HOSTS"][-1] == "lends.example.org"


@pytest.mark.parametrize(("prefix", "mode"), [("", 0o700), ("/protected/", 0o710)])
def test_others_on_the_machine_cannot_read_the_data(tmp_path: Path, prefix: str, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    loaded(folder, LOCAL | {"LEMONSTUDIO_ACCEL_PREFIX": prefix})
    assert stat.S_IMODE(folder.stat().st_mode) == mode
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ""),
        ({"CSRF_TRUSTED_ORIGINS": "https://*.example.org,https://studio.example.org"}, "https://studio.example.org"),
        ({"CSRF_TRUSTED_ORIGINS": "https://a.example", "LEMONSTUDIO_URL": "https://b.example/"}, "https://b.example"),
    ],
    ids=["unknown", "a trusted origin", "the setting"],
)
def test_address_for_links_in_mail(tmp_path: Path, environment: dict[str, str], address: str) -> None:
    assert loaded(tmp_path, LOCAL | environment)["LEMONSTUDIO_URL"] == address
