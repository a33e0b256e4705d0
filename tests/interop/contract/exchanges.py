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


def _say_all(client: Client) -> Iterator[str]:
    drawing = _drawing()
    client.create(Submission("dall-e-3", "a lemon tree", options={"size": "1792x1024", "quality": "hd"}, user="a1"))
    yield "generation"
    options: dict[str, str | int | float | bool] = {
        "size": "1024x1024",
        "output_format": "webp",
        "output_compression": 50,
        "background": "opaque",
    }
    client.create(Submission("gpt-image-2", "a lemon tree", count=3, options=options))
    yield "generation with all options"
    client.send(Submission("gpt-image-2", "two lemons"), [drawing, drawing])
    yield "references"
    reference = {"operation": "image-to-image"}
    client.send(Submission("nano-banana-pro", "a lemon"), [drawing], endpoint="/images/generations", fields=reference)
    yield "reference to a generation"
    client.edit(Submission("gpt-image-2", "a lemon", count=2), drawing, mask=drawing)
    yield "edit with a mask"
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
