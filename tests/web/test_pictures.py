"""The addresses of a picture's files, and the class of its box."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from gallery.models import Generation, Picture, State
from gallery.web.pictures import FIRST_ROW, files_of, original_url, ratio_class

MakePicture = Callable[..., Picture]


def test_srcset_names_existing_thumbnails(make_picture: MakePicture) -> None:
    picture = make_picture()
    files = files_of(picture)
    assert (files.srcset("webp"), files.src, files.small_src) == ("", original_url(picture), original_url(picture))
    picture.thumbnails = {"webp": [320, 960]}
    files = files_of(picture)
    at = f"/media/{picture.pk}/{picture.digest}"
    assert files.srcset("webp") == f"{at}/320.webp 320w, {at}/960.webp 960w"
    assert (files.srcset("avif"), files.src, files.small_src) == ("", f"{at}/960.webp", f"{at}/320.webp")


@pytest.mark.parametrize("address", ["/", "/pictures/"])
def test_first_row_is_loaded_at_once_and_the_rest_when_it_is_scrolled_to(
    as_owner: Client, make_picture: MakePicture, address: str
) -> None:
    for _ in range(FIRST_ROW + 2):
        Generation.objects.filter(pk=make_picture().generation_id).update(state=State.COMPLETED)
    text = as_owner.get(address).content.decode()
    text = re.sub(r'<img src="[^"]*/samples/[^>]*>', "", text)  # those of the models, in a sheet that is closed
    urgent = re.findall(r'<img [^>]*(fetchpriority="high"|loading="lazy")[^>]* decoding="async">', text)
    assert urgent == ['fetchpriority="high"'] * FIRST_ROW + ['loading="lazy"'] * 2


@pytest.mark.parametrize(
    ("width", "height", "css"),
    [
        (1024, 1024, "ar-100"),
        (1792, 1024, "ar-175"),
        (1024, 1792, "ar-055"),
        (1456, 816, "ar-180"),
        (4000, 100, "ar-300"),
        (100, 4000, "ar-040"),
        (100, 0, "ar-100"),
    ],
)
def test_box_has_the_class_of_its_ratio(width: int, height: int, css: str) -> None:
    assert ratio_class(width, height) == css
