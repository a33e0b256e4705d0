"""Settings come from the environment, from a `.env` file, and from files with one secret each."""

import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from lemonstudio import environment
from lemonstudio.environment import DOTENV, Variables, choose_kind, read_dotenv


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test, and its own folder to stand in."""
    for name in list(os.environ):
        if name not in ("PATH", "HOME"):
            monkeypatch.delenv(name)
    # What is read is undone after the test.
    for name in ("A", "B", "C", "D", "E", "F", "SECRET_KEY", "LEMONSTUDIO_ENV", DOTENV):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_dotenv_is_read_as_compose_and_systemd_read_it(tmp_path: Path) -> None:
    os.environ["B"] = "from outside"
    lines = [
        "# settings",
        "",
        "A=1",
        "B=2",
        "export C = three words ",
        "D='a # b' # said",
        'E="x=y#z"',
        "F=s3cr#t # no",
    ]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert read_dotenv() == Path(".env")
    found = {name: os.environ[name] for name in "ABCDEF"}
    assert found == {"A": "1", "B": "from outside", "C": "three words", "D": "a # b", "E": "x=y#z", "F": "s3cr#t"}
    assert os.environ[DOTENV] == "", "parts of the studio stand in other folders, and must not find another file"


def test_named_file_counts_and_not_the_one_that_lies_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=near\n")
    (tmp_path / "other").write_text("A=named\n")
    os.environ[DOTENV] = str(tmp_path / "other")
    read_dotenv()
    assert os.environ["A"] == "named"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("A=1\ns3cret\n", "Line 2 of .+ is no setting; write NAME=value."), (None, "No such file or directory")],
    ids=["a line without a name", "no such file"],
)
def test_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str | None, sentence: str) -> None:
    os.environ[DOTENV] = str(tmp_path / "settings")
    if text:
        (tmp_path / "settings").write_text(text)
    with pytest.raises(ImproperlyConfigured, match=sentence) as raised:
        read_dotenv()
    assert "s3cret" not in str(raised.value)


def test_secret_comes_from_its_file_and_stays_out_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    os.environ["A_FILE"] = str(tmp_path / "key")
    assert Variables()["A"] == "s3cret"
    assert "s3cret" not in os.environ.values()
    os.environ["A"] = "another"
    with pytest.raises(ImproperlyConfigured, match="Both A and A_FILE are set"):
        Variables()["A"]


def test_secret_file_that_is_missing_stops_the_start() -> None:
    os.environ["A_FILE"] = "/nowhere/key"
    with pytest.raises(ImproperlyConfigured, match="A_FILE is /nowhere/key, which cannot be read: No such file"):
        Variables()["A"]


@pytest.mark.parametrize("name", environment.PRODUCTION_ONLY)
@pytest.mark.parametrize("where", ["environment", "dotenv", "secret file"])
def test_setting_of_a_studio_for_others_never_starts_a_local_one(name: str, where: str, tmp_path: Path) -> None:
    if where == "dotenv":
        (tmp_path / ".env").write_text(f"{name}=x\n")
    else:
        os.environ[name if where == "environment" else f"{name}_FILE"] = "x"
    choose_kind()
    assert "LEMONSTUDIO_ENV" not in os.environ
    os.environ.pop(name, None)


def test_without_settings_it_is_a_local_studio() -> None:
    choose_kind()
    assert os.environ["LEMONSTUDIO_ENV"] == "local"
