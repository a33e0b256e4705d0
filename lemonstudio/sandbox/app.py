"""The sandbox as a WSGI application: routes, checks and answers.

It keeps no state but uploads: what a task or a picture was asked for travels in its signed token, and an upload waits
in the spool (spool.py) for an hour after its last use.
"""

from __future__ import annotations

import base64
import errno
import json
import math
import os
import re
import secrets
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import catalogue, faults, multipart, painter, uploads
from .checks import PICTURE_FIELDS, Asked, check_key, check_spec, read_body
from .errors import ApiError, invalid, unknown_model
from .models import EDITS, GENERATIONS, MODELS, MOST_IMAGES, VARIATIONS, Model, nearest, pixels
from .spool import Spool
from .tokens import GenerationSpec, InvalidTokenError, Signer, shorten

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from PIL import Image

TASK_LIFE = 24 * 3600
PICTURE_LIFE = 3600
SLOW_ANSWER = 30.0
SLOW_TASK = 90.0
# A client that is still sending when it is refused would see a broken connection instead of the reason.
_MOST_DRAINED = 256 * 2**20
_SUFFIXES = {"png": "png", "jpeg": "jpg", "webp": "webp"}
_GONE = "The uploaded picture is no longer kept: uploads are for an hour after their last use."

Answer = tuple[HTTPStatus, list[tuple[str, str]], bytes]
Handler = Callable[["WSGIEnvironment", str], Answer]


class Sandbox:
    """A WSGI callable. `speed` divides every duration; `secret` signs task ids and picture URLs."""

    def __init__(self, secret: bytes, speed: float = 1.0, spool: Spool | None = None) -> None:
        self._signer = Signer(secret)
        self._speed = speed
        self._spool = spool or Spool.of(secret)
        # Drawing needs a core and some 50 MB: a crowd waits in line instead of falling over each other.
        self._easels = threading.BoundedSemaphore(os.cpu_count() or 2)
        # Looking through an upload needs some 200 MB, for a moment.
        self._desks = threading.BoundedSemaphore(2)
        self._routes: list[tuple[re.Pattern[str], str, bool, Handler]] = [
            (re.compile(r"/v1/images/generations"), "POST", True, self._create),
            (re.compile(r"/v1/images/edits"), "POST", True, self._edit),
            (re.compile(r"/v1/images/variations"), "POST", True, self._vary),
            (re.compile(r"/v1/images/generations/([^/]+)"), "GET", True, self._status),
            (re.compile(r"/v1/tasks/([^/]+)"), "GET", True, self._status),
            (re.compile(r"/v1/images/((?:img|ldtask)_[^/]+)"), "GET", True, self._status),
            (re.compile(r"/v1/models"), "GET", True, self._models),
            (re.compile(r"/v1/models/([^/]+)"), "GET", True, self._model),
            (re.compile(r"/v1/models/([^/]+)/pricing"), "GET", True, self._price),
            (re.compile(r"/v1/pricing"), "GET", True, self._pricing),
            (re.compile(r"/files/([\w-]+)\.(?:png|jpg|webp)"), "GET", False, self._file),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, headers, body = self._answer(environ)
        except ApiError as error:
            _drain(environ)
            status, headers, body = _json(error.body, error.status)
            headers += error.headers
        headers.append(("X-Request-ID", f"req_{secrets.token_hex(12)}"))
        if not any(name == "Content-Length" for name, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{status.value} {status.phrase}", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        return [body] if int(dict(headers)["Content-Length"]) == len(body) else _cut_off(body)

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        for pattern, allowed, guarded, handler in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method != allowed and not (method == "HEAD" and allowed == "GET"):
                raise ApiError(405, "method_not_allowed", f"{path} takes {allowed} only.", allow=allowed)
            if guarded:
                check_key(environ)
            return handler(environ, found[1] if pattern.groups else "")
        raise ApiError(404, "not_found", f"There is nothing at {path}.")

    # Creating

    def _create(self, environ: WSGIEnvironment, _: str) -> Answer:
        if _is_form(environ):
            return self._take_on(environ, *self._take_form(environ, GENERATIONS))
        fields = read_body(environ)
        if any(name in fields for name in PICTURE_FIELDS):
            return self._take_on(environ, *self._take_pictures(fields, GENERATIONS))
        asked = check_spec(fields)
        if asked.work:
            raise invalid("A picture is required: as the file 'image', or as 'image_url'.", "image")
        return self._take_on(environ, asked, GenerationSpec(asked.model.id, "", _size(asked), asked.n, 0, 0))

    def _edit(self, environ: WSGIEnvironment, _: str) -> Answer:
        if environ.get("CONTENT_TYPE", "").startswith("application/json"):
            return self._take_on(environ, *self._take_pictures(read_body(environ, multipart.MOST_FORM), EDITS))
        return self._take_on(environ, *self._take_form(environ, EDITS))

    def _vary(self, environ: WSGIEnvironment, _: str) -> Answer:
        return self._take_on(environ, *self._take_form(environ, VARIATIONS))

    def _take_form(self, environ: WSGIEnvironment, endpoint: str) -> tuple[Asked, GenerationSpec]:
        """What a form asks for; its uploads are in the spool."""
        boundary = multipart.boundary_of(environ)
        with tempfile.TemporaryFile() as body:
            multipart.receive(environ, body)
            with self._desks:
                body.seek(0)
                sent = multipart.parts(body.read(), boundary)
                images = sent.pop("image", [])
                mask = sent.pop("mask", [None])[0] if endpoint == EDITS else None
                return self._take_uploads(_fields(sent), endpoint, images, mask)

    def _take_pictures(self, fields: dict[str, Any], endpoint: str) -> tuple[Asked, GenerationSpec]:
        """What a JSON body with pictures in it asks for."""
        with self._desks:
            images, mask = uploads.from_urls(fields)
            # At the endpoint for new pictures one file may go along, but several addresses.
            return self._take_uploads(fields, endpoint, images, mask, at_least=1 if endpoint == EDITS else MOST_IMAGES)

    def _take_uploads(
        self, fields: dict[str, Any], endpoint: str, images: list[bytes], mask: bytes | None, at_least: int = 1
    ) -> tuple[Asked, GenerationSpec]:
        asked = check_spec(fields, endpoint, pictures=len(images))
        most = max(at_least, asked.model.most_images)
        if len(images) > most:
            raise ApiError(400, "too_many_images", f"{asked.model.id} takes at most {most} at once.", param="image")
        measured = uploads.check_image(images[0] if images else None, asked.model)
        for image in images[1:]:
            uploads.check_image(image, asked.model)
        if mask is not None:
            uploads.check_mask(mask, asked.model, measured)
        keys = [self._keep(uploads.combined(images)), self._keep(mask) if mask is not None else ""]
        size = _size(asked, measured)
        spec = GenerationSpec(asked.model.id, "", size, asked.n, 0, 0, work=asked.work, image=keys[0], mask=keys[1])
        return asked, spec

    def _keep(self, upload: bytes) -> str:
        try:
            return self._spool.put(upload)
        except OSError as error:
            raise ApiError(500, "internal_error", f"The upload cannot be kept: {error.strerror}.") from error

    def _take_on(self, environ: WSGIEnvironment, asked: Asked, spec: GenerationSpec) -> Answer:
        """Answer a request that makes sense. The spec has what its fields say, but for seed, time and fault."""
        now = time.time()
        model, prompt = asked.model, asked.prompt
        active = faults.find(prompt, model, now)
        word = active.fault.word if active else ""
        if active:
            self._break(active, environ, asked)
            if word == "not_json":
                page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
                return HTTPStatus.OK, [("Content-Type", "text/html")], page
        as_b64 = asked.as_b64 and model.kind == "sync"
        if as_b64 and word in ("empty_url", "picture_missing", "picture_cut_off"):
            raise invalid(f"The word '{word}' needs response_format=url.", "response_format")
        seed = faults.wanted_seed(prompt)
        spec = replace(
            spec,
            prompt=shorten(faults.clean(prompt)),
            seed=secrets.randbelow(2**32) if seed is None else seed,
            created=round(now * 1000),
            fault=word,
            form=asked.form,
            clear=asked.clear,
        )
        if model.kind == "async":
            sealed = self._signer.seal("task", spec)
            if model.modern:
                return _json({"created": int(now), **_modern_names(spec, sealed), "status": "pending", "data": []})
            token = f"img_{sealed}"
            return _json(
                {
                    "created": int(now),
                    "task_id": token,
                    "status": "pending",
                    "poll_url": f"/v1/images/generations/{token}",
                    "data": [{"url": "", "revised_prompt": prompt}],
                }
            )
        self._rest(SLOW_ANSWER if word == "slow" else _span(model, spec.seed))
        data = self._results(environ, spec, _rewritten(prompt) if model.rewrites_prompt else prompt, as_b64)
        answer = {"created": int(now), "data": data}
        if model.modern:
            answer |= {"billing_transaction_id": f"bt_{spec.seed:08x}"}
        if model.token_prices:
            answer |= {
                "background": asked.chosen.get("background", "opaque").replace("auto", "opaque"),
                "output_format": spec.form,
                "quality": _quality(asked.chosen),
                "size": spec.size,
                "usage": _usage(asked, spec),
            }
        return _json(answer)

    def _break(self, active: faults.Active, environ: WSGIEnvironment, asked: Asked) -> None:
        """Fail as asked, if the fault breaks the POST itself."""
        error = faults.error_for(active, asked.model, asked.n, asked.chosen)
        if error is not None:
            raise error
        if active.fault.word == "connection_broken":
            self._rest(0.5)
            raw: socket.socket = environ["gunicorn.socket"]
            # Linger of zero: the client sees a reset, as when a proxy dies, and no orderly end.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
            raise ConnectionResetError(errno.ECONNRESET, "broken on purpose")

    def _rest(self, seconds: float) -> None:
        time.sleep(seconds / self._speed)

    def _results(self, environ: WSGIEnvironment, spec: GenerationSpec, revised: str, as_b64: bool = False) -> list[Any]:
        count = spec.n - 1 if spec.fault == "partial" else spec.n
        items = []
        for index in range(count):
            # A URL lives from the moment its picture is told of, not from when the task was made.
            one = replace(spec, n=1, created=round(time.time() * 1000), index=index)
            if as_b64:
                item = {"b64_json": base64.b64encode(self._picture(one)).decode()}
            elif spec.fault == "empty_url":
                item = {"url": ""}
            else:
                host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
                scheme = environ.get("wsgi.url_scheme", "http")
                item = {"url": f"{scheme}://{host}/files/{self._signer.seal('file', one)}.{_SUFFIXES[one.form]}"}
            items.append({**item, "revised_prompt": revised} if revised else item)
        return items

    # Following

    def _status(self, environ: WSGIEnvironment, token: str) -> Answer:
        gone = ApiError(404, "async_task_not_found", "There is no such task, or it is older than 24 hours.")
        try:
            prefix, _, sealed = token.partition("_")
            spec = self._signer.open("task", sealed) if prefix in ("img", "ldtask") else None
        except InvalidTokenError:
            spec = None
        if spec is None or spec.fault == "task_gone":
            raise gone
        age = time.time() - spec.created / 1000
        if age > TASK_LIFE:
            raise gone
        model = MODELS[spec.model]
        lasts = (SLOW_TASK if spec.fault == "slow" else _span(model, spec.seed)) / self._speed
        share = min(1.0, max(0.0, age / lasts))
        if spec.fault == "poll_fails" and share < 0.5:
            raise ApiError(502, "upstream_error", "The task's state cannot be read just now.", retryable=True)
        answer: dict[str, Any] = {"created": spec.created // 1000, "task_id": token}
        waiting: list[dict[str, str]] = [{"url": "", "revised_prompt": spec.prompt}]
        if model.modern:
            waiting = []
            answer |= _modern_names(spec, token.partition("_")[2])
        if spec.fault == "task_never_ends" or share < 0.2:
            answer |= {"status": "pending", "data": waiting}
        elif share < (0.6 if spec.fault.startswith(("task_fails", "task_cancelled")) else 1):
            answer |= {"status": "processing", "progress": int(share * 100), "data": waiting}
        elif spec.fault == "task_fails":
            answer |= {
                "status": "failed",
                "data": [],
                "error": "The model gave up: no picture came out of it.",
            }
        elif spec.fault == "task_fails_silently":
            answer |= {"status": "failed", "data": []}
        elif spec.fault == "task_cancelled":
            answer |= {"status": "failed", "data": [], "error": "The task was cancelled.", "cancelled": True}
        elif not all(self._spool.touch(key) for key in (spec.image, spec.mask) if key):
            answer |= {"status": "failed", "data": [], "error": _GONE}
        else:
            data = self._results(environ, spec, spec.prompt)
            answer |= {"status": "completed", "progress": 100, "data": data}
            if model.modern:
                answer |= {"billing_transaction_id": f"bt_{spec.seed:08x}"}
        return _json(answer)

    # Pictures

    def _picture(self, spec: GenerationSpec) -> bytes:
        """The file as the spec's fault leaves it."""
        if spec.fault == "picture_html":
            return b"<!doctype html><title>Just a moment</title><p>This is not a picture."
        with self._easels:
            whole = painter.encode(self._painted(spec), spec.form)
        return whole[: len(whole) // 2] if spec.fault == "picture_truncated" else whole

    def _painted(self, spec: GenerationSpec) -> Image.Image:
        size = pixels(spec.size)
        if not spec.work:
            whole = painter.paint(spec.model, spec.prompt, spec.seed, spec.index, size)
            return painter.cut_out(whole) if spec.clear else whole
        image, mask = self._spool.get(spec.image), self._spool.get(spec.mask) if spec.mask else None
        if image is None or (spec.mask and mask is None):
            raise ApiError(410, "gone", _GONE)
        upload = uploads.picture(image)
        if spec.work == "vary":
            return painter.vary(upload, spec.model, spec.seed, spec.index, size)
        holes = uploads.holes(mask) if mask is not None else None
        return painter.edit(upload, holes, spec.model, spec.prompt, spec.seed, spec.index, size, spec.clear)

    def _file(self, environ: WSGIEnvironment, token: str) -> Answer:
        try:
            spec = self._signer.open("file", token)
        except InvalidTokenError:
            raise ApiError(404, "not_found", "There is no such picture.") from None
        if spec.fault == "picture_missing":
            raise ApiError(404, "not_found", "There is no such picture.")
        if time.time() - spec.created / 1000 > PICTURE_LIFE:
            raise ApiError(410, "gone", "The link to this picture has expired.")
        body = self._picture(spec)
        kind = "text/html" if spec.fault == "picture_html" else f"image/{spec.form}"
        headers = [("Content-Type", kind), ("Cache-Control", "private, max-age=3600")]
        if spec.fault == "picture_cut_off":
            headers.append(("Content-Length", str(len(body))))
            body = body[: len(body) // 2]
        return HTTPStatus.OK, headers, body

    # Catalogue

    def _models(self, environ: WSGIEnvironment, _: str) -> Answer:
        query = _query(environ)
        wanted = query.get("category") or query.get("recommended_for") or "image"
        data = [catalogue.listing(model) for model in MODELS.values()] if wanted == "image" else []
        return _json({"object": "list", "data": data})

    def _model(self, environ: WSGIEnvironment, name: str) -> Answer:
        model = MODELS.get(name)
        if model is None:
            raise unknown_model(name, nearest(name), 404)
        return _json(catalogue.details(model))

    def _price(self, environ: WSGIEnvironment, name: str) -> Answer:
        model = MODELS.get(name)
        if model is None:
            raise unknown_model(name, nearest(name), 404)
        return _json(catalogue.price_of(model))

    def _pricing(self, environ: WSGIEnvironment, _: str) -> Answer:
        data = [catalogue.pricing(model) for model in MODELS.values()]
        return _json({"object": "pricing", "updated_at": "2026-07-24T00:00:00Z", "currency": "USD", "data": data})


def _drain(environ: WSGIEnvironment) -> None:
    for _ in range(_MOST_DRAINED // 2**16):
        if not environ["wsgi.input"].read(2**16):
            return


def _is_form(environ: WSGIEnvironment) -> bool:
    return bool(environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data"))


def _fields(sent: dict[str, list[bytes]]) -> dict[str, Any]:
    """A form's fields as those of a JSON body would be; empty ones are left out."""
    texts = {name: multipart.text(name, contents[0]) for name, contents in sent.items() if contents[0]}
    fields: dict[str, Any] = dict(texts)
    for name in ("n", "output_compression"):
        if re.fullmatch(r"[0-9]{1,4}", texts.get(name, "")):
            fields[name] = int(texts[name])
    for name in ("async", "stream"):
        if texts.get(name) in ("true", "false"):
            fields[name] = texts[name] == "true"
    return fields


def _modern_names(spec: GenerationSpec, sealed: str) -> dict[str, Any]:
    """What newer answers about a task begin with."""
    task = f"ldtask_{sealed}"
    return {"id": task, "task_id": task, "poll_url": f"/v1/tasks/{task}", "model": spec.model}


def _quality(chosen: dict[str, str]) -> str:
    return chosen.get("quality", "auto").replace("auto", "medium")


def _usage(asked: Asked, spec: GenerationSpec) -> dict[str, Any]:
    """Tokens in OpenAI's split; how many there are is invented."""
    width, height = pixels(spec.size)
    each = {"low": 272, "medium": 1056, "high": 4160}[_quality(asked.chosen)]
    output = math.ceil(each * width * height / 1024**2) * spec.n
    text, image = max(1, len(asked.prompt) // 4), 323 if spec.image else 0
    return {
        "input_tokens": text + image,
        "output_tokens": output,
        "total_tokens": text + image + output,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
    }


def _size(asked: Asked, upload: tuple[int, int] | None = None) -> str:
    width, height = asked.model.pixels(asked.chosen, upload)
    return f"{width}x{height}"


def _cut_off(body: bytes) -> Iterator[bytes]:
    """Less than was promised; then the connection ends, or the client would wait for the rest for ever."""
    yield body
    raise ConnectionResetError(errno.ECONNRESET, "cut off on purpose")


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(content, ensure_ascii=False).encode()


def _query(environ: WSGIEnvironment) -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def _span(model: Model, seed: int) -> float:
    """Seconds this spec takes at speed 1, the same every time it is asked."""
    shortest, longest = model.seconds
    return shortest + (longest - shortest) * (seed % 1009) / 1008


def _rewritten(prompt: str) -> str:
    """The prompt as dall-e-3 would embroider it."""
    plain = faults.clean(prompt).rstrip(" .")
    return f"{plain[:1].upper()}{plain[1:]}, in soft layered light, with a calm and balanced composition."
