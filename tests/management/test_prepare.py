"""`manage.py prepare` does what each start needs."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.process
EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"


def prepare(folder: Path, email: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env |= {"LEMONSTUDIO_ENV": "local", "LEMONSTUDIO_DOTENV": "", "LEMONSTUDIO_DATA": str(folder)}
    env |= {"LEMONSTUDIO_ADMIN_EMAIL": email, "LEMONSTUDIO_ADMIN_PASSWORD": password}
    return subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=settings.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def people(folder: Path) -> list[tuple[str, str, bool]]:
    database = sqlite3.connect(folder / "studio.sqlite3")
    try:
        return database.execute("SELECT email, password, is_superuser FROM gallery_person").fetchall()
    finally:
        database.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was prepared without an administrator."""
    folder = tmp_path_factory.mktemp("prepared")
    done = prepare(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_prepares_without_an_administrator(folder: Path) -> None:
    assert people(folder) == []
    assert list((folder / "static" / "css").glob("app.*.css"))


def test_collected_modules_import_each_other_by_hashed_names(folder: Path) -> None:
    hashed = re.compile(r"\.[0-9a-f]{12}\.js$")
    modules = [file for file in (folder / "static" / "js").glob("**/*.js") if hashed.search(file.name)]
    imported = [
        file.parent / name
        for file in modules
        for name in re.findall(r"""^(?:import|\}) .*["'](\..+)["'];$""", file.read_text(), re.MULTILINE)
    ]
    assert len(imported) > len(modules) > 20
    assert [str(file) for file in imported if not hashed.search(file.name) or not file.exists()] == []


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        (EMAIL, "", "Set both LEMONSTUDIO_ADMIN_EMAIL and LEMONSTUDIO_ADMIN_PASSWORD, or neither."),
        ("", PASSWORD, "Set both LEMONSTUDIO_ADMIN_EMAIL and LEMONSTUDIO_ADMIN_PASSWORD, or neither."),
        ("ada", PASSWORD, 'LEMONSTUDIO_ADMIN_EMAIL is "ada", which is no e-mail address.'),
    ],
)
def test_invalid_administrator_is_refused_with_one_sentence(
    folder: Path, email: str, password: str, sentence: str
) -> None:
    done = prepare(folder, email, password)
    assert done.returncode != 0
    assert done.stderr.strip() == f"CommandError: {sentence}"
    assert people(folder) == []


def test_makes_the_administrator_once(tmp_path: Path) -> None:
    done = prepare(tmp_path, "Ada@Example.org", PASSWORD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().lower() == f"made the administrator {EMAIL}."
    [(email, password, is_superuser)] = administrators = people(tmp_path)
    assert (email, bool(is_superuser)) == (EMAIL, True)
    assert password.startswith("argon2$")
    again = prepare(tmp_path, "eve@example.org", "another password")
    assert (again.returncode, again.stdout) == (0, "")
    assert people(tmp_path) == administrators
