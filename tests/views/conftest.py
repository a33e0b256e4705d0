"""What several files of views share."""

import io
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, PngImagePlugin

from gallery.models import Gallery, Picture
from tests.conftest import put
from tests.support.guests import PROMPT


@pytest.fixture
def shown_picture(make_picture: Callable[..., Picture], private_gallery: Gallery) -> Picture:
    """A picture with a thumbnail, and an original that contains its prompt."""
    picture = make_picture(prompt=PROMPT)
    texts, file = PngImagePlugin.PngInfo(), io.BytesIO()
    texts.add_text("parameters", PROMPT)
    Image.new("RGB", (64, 48), "#f2d64b").save(file, "PNG", pnginfo=texts)
    original = default_storage.save("pictures/with-prompt.png", ContentFile(file.getvalue()))
    default_storage.save(f"{original.removesuffix('.png')}-320.webp", ContentFile(b"thumbnail"))
    Picture.objects.filter(pk=picture.pk).update(original=original, thumbnails={"webp": [320]})
    put(picture, private_gallery)
    picture.refresh_from_db()
    return picture
