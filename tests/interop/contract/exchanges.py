"""What the studio's client says to the sandbox, taken down on the way, for a validator to judge."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import requests
from PIL import Image

from gallery.upstream.bodies import Attachment
from gallery.upstream.client import Client, Submission
from tests.support.stub_upstream import Reply, Request, StubUpstream


def exchanges(sandbox_url: str, key: str) -> Iterator[dict[str, Any]]:
    """One of each kind of request, with the sandbox's answer: fields that JSON can carry, bodies in base64."""
    origin = sandbox_url.removesuffix("/v1")
    taken: list[dict[str, Any]] = []

    def pass_on(request: Request) -> Reply:
        headers = {name: request.headers[name] for name in ("authorization", "content-type") if name in request.headers}
        answer = requests.request(request.method, origin + request.path, headers=headers, data=request.body, timeout=60)
        said = {"Content-Type": answer.headers["Content-Type"]}
        taken.append(
            {
                "method": request.method,
                "path": request.path,
                "headers": headers,
                "body": base64.b64encode(request.body).decode(),
                "status": answer.status_code,
                "answer_type": said["Content-Type"],
                "answer": base64.b64encode(answer.content).decode(),
            }
        )
        return Reply(answer.status_code, answer.content, said)

    with StubUpstream() as stub:
        stub.handler = pass_on
        client = Client(stub.base_url, key)
        try:
            for name in _say_all(client):
                yield from ({"name": name, **exchange} for exchange in taken)
                taken.clear()
        finally:
            client.close()


Options = dict[str, str | int | float | bool]
# Eleven models of seven families, with the options of each.
GENERATIONS: dict[str, Options] = {
    "dall-e-3": {"size": "1792x1024", "quality": "hd", "style": "natural"},
    "dall-e-2": {"size": "256x256"},
    "flux-pro": {"size": "1024x1024"},
    "flux-schnell": {"size": "512x512"},
    "midjourney": {"size": "1024x1024"},
    "ideogram-v3": {"size": "512x512"},
    "stable-diffusion-3": {"size": "512x512"},
    "gpt-image-2": {
        "size": "1536x864",
        "quality": "high",
        "output_format": "webp",
        "output_compression": 50,
        "background": "opaque",
        "moderation": "low",
    },
    "gpt-image-1.5": {"size": "1024x1536", "background": "transparent", "output_format": "png"},
    "gpt-image-1": {"size": "1024x1024", "quality": "low"},
    "nano-banana-pro": {"aspect_ratio": "16:9", "resolution": "1k"},
}
EDITS: dict[str, Options] = {
    "gpt-image-2": {"size": "1024x1024", "quality": "low"},
    "gpt-image-1.5": {"size": "1024x1024", "output_format": "jpeg"},
    "gpt-image-1": {},
    "dall-e-2": {"size": "256x256"},
}
IMAGE_TO_IMAGE = {"operation": "image-to-image"}


def _say_all(client: Client) -> Iterator[str]:
    drawing = _drawing()
    for model, options in GENERATIONS.items():
        client.create(
            Submission(model, "a lemon tree", count=1 if model == "dall-e-3" else 2, options=options, user="a1")
        )
        yield f"generation by {model}"
    for model, options in EDITS.items():
        client.edit(Submission(model, "a lemon", options=options, user="a1"), drawing, mask=drawing)
        yield f"edit by {model}"
        client.edit(Submission(model, "a lemon"), drawing)
        yield f"edit without a mask by {model}"
    for model in ("gpt-image-2", "gpt-image-1.5", "gpt-image-1"):
        client.send(Submission(model, "two lemons"), [drawing, drawing])
        yield f"references by {model}"
    most = Submission("gpt-image-2", "image 1 beside image 16", options=EDITS["gpt-image-2"], user="a1")
    client.send(most, [drawing] * 16)
    yield "as many references as there may be"
    banana = Submission("nano-banana-pro", "a lemon", options={"aspect_ratio": "1:1"})
    client.send(banana, [drawing], endpoint="/images/generations", fields=IMAGE_TO_IMAGE)
    yield "reference to a generation"
    # The sandbox fetches nothing. Only the form of the request counts.
    drawing.file.seek(0)
    lent = f"data:image/png;base64,{base64.b64encode(drawing.file.read()).decode()}"
    client.lend(banana, [lent], fields=IMAGE_TO_IMAGE)
    yield "reference by its address"
    client.lend(banana, [lent, lent], fields=IMAGE_TO_IMAGE)
    yield "references by their addresses"
    client.lend(Submission("gpt-image-2", "two lemons"), [lent, lent], endpoint="/images/edits")
    yield "edit of pictures by their addresses"
    client.vary(Submission("dall-e-2", "", count=2, options={"size": "256x256"}), drawing)
    yield "variation"
    # Tasks of other models have the older address, which the vendor's newer file does not describe.
    begun = client.create(Submission("gpt-image-2", "a lemon tree", options={"async": True}))
    yield "generation as a task"
    client.status(begun.task_id, begun.poll_url)
    yield "poll"
    client.status(begun.task_id)
    yield "poll without an address"
    client.catalogue()
    yield "catalogue"


def _drawing() -> Attachment:
    file = io.BytesIO()
    Image.new("RGBA", (256, 256), (200, 160, 40, 0)).save(file, "PNG")
    return Attachment(file, file.tell())
