"""What deploy/ ships is what the tools that read it accept, and keeps what the documentation promises."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from django.conf import settings

from lemonstudio import __version__

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
# Of a stop; docs/running.md says why.
ENOUGH_SECONDS = 180 + 30


def tool(name: str, *arguments: str) -> str:
    """Run a command of this environment. It must succeed; what it says comes back."""
    command = [str(Path(sys.executable).parent / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_containerfile_has_no_finding() -> None:
    assert tool("hadolint", str(DEPLOY / "Containerfile")) == ""


def test_image_is_small_and_runs_as_an_ordinary_user() -> None:
    stages = CONTAINERFILE.split("FROM ")[1:]
    assert all(stage.startswith("python:3.13-slim-bookworm") for stage in stages)
    assert len(stages) == 2, "what builds is not in the image"
    final = stages[-1]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert final.index("USER 10001") < final.index("ENTRYPOINT")
    assert 'HEALTHCHECK --interval=15s --timeout=5s --start-period=120s CMD ["lemonstudio", "health"]' in final
    assert "LEMONSTUDIO_ENV=production" in final
    assert not re.search(r"SECRET_KEY|API_KEY|PASSWORD", CONTAINERFILE)


def test_everything_that_the_image_copies_is_let_into_the_build() -> None:
    """Nothing else is: neither data nor settings with secrets."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert let_in == {"lemonstudio", "gallery", "templates", "static", "pyproject.toml", "requirements.txt",
                      "README.md", "LICENSE"}  # fmt: skip
    assert all((ROOT / name).exists() for name in let_in)


def compose(name: str) -> dict[str, Any]:
    """The file as Compose reads it: anchors are put in first, then its grammar holds for every key."""
    read = yaml.safe_load((DEPLOY / name).read_text())
    PyCompose.from_json(json.dumps(read)).to_spec()
    return dict(read)


def test_compose_files_are_valid_and_give_the_studio_no_more_than_it_needs() -> None:
    compose("compose.s3.yaml")
    spec = compose("compose.yaml")
    services = spec["services"]
    for name in ("web", "worker"):
        service = services[name]
        assert service["image"] == f"lemonstudio:{__version__}"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["stop_grace_period"].removesuffix("s")) >= ENOUGH_SECONDS
        assert not {"SECRET_KEY", "LEMONDATA_API_KEY", "PGPASSWORD"} & set(service["environment"])
        assert "ports" not in service, "only through the proxy, which has TLS"
    assert (ROOT / services["web"]["build"]["dockerfile"]).exists()
    assert services["database"]["networks"] == ["inside"]
    assert spec["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.s3.yaml"])
def test_every_file_and_name_in_a_compose_file_exists(name: str) -> None:
    spec = compose(name)
    base = compose("compose.yaml")
    for service in spec["services"].values():
        assert set(service.get("secrets", ())) <= set(spec["secrets"])
        assert set(service.get("networks", ())) <= set(base["networks"])
        assert set(service.get("depends_on", ())) <= set(spec["services"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in spec["volumes"] or (DEPLOY / source).exists()


UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_unit_stops_in_good_order_and_runs_with_few_rights(unit: Path, tmp_path: Path) -> None:
    read = configparser.ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign] # names as they are
    read.read_string(unit.read_text())
    service = dict(read["Service"])
    assert service["Type"] == "exec"
    assert service["User"] == service["Group"] == service["StateDirectory"] == "lemonstudio"
    assert service["KillMode"] == "mixed", "the signal is for the supervisor alone"
    assert int(service["TimeoutStopSec"]) >= ENOUGH_SECONDS
    assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
    assert service["CapabilityBoundingSet"] == ""
    assert "LEMONSTUDIO_ENV=production" in service["Environment"]
    command = service["ExecStart"]
    assert command in ("/opt/lemonstudio/bin/lemonstudio run", "/opt/lemonstudio/bin/lemonstudio worker")
    if verify := shutil.which("systemd-analyze"):
        here = tmp_path / unit.name
        here.write_text(unit.read_text().replace("/opt/lemonstudio/bin/lemonstudio", sys.executable))
        done = subprocess.run([verify, "verify", here], capture_output=True, text=True, timeout=60, check=False)
        # It may complain of units of this machine.
        assert unit.name not in done.stderr, done.stderr


def test_every_setting_of_the_examples_is_documented() -> None:
    documented = (ROOT / "docs" / "running.md").read_text()
    example = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE)
    services = [*compose("compose.yaml")["services"].items(), *compose("compose.s3.yaml")["services"].items()]
    used = {name for service, parts in services if service in ("web", "worker") for name in parts["environment"]}
    assert len(example) > 10
    for name in {*example, *used}:
        assert f"`{name.removesuffix('_FILE')}`" in documented, name


def test_caddy_and_its_file_agree() -> None:
    tool("caddy", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "caddy" / "Caddyfile"))
