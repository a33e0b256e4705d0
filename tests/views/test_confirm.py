"""What cannot be undone asks first, also without scripts."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from gallery.models import Gallery, Picture

pytestmark = pytest.mark.django_db


def test_gallery_is_deleted_after_a_question(as_owner: Client, private_gallery: Gallery) -> None:
    address = f"/galleries/{private_gallery.pk}/delete/"
    asked = as_owner.post(address, {"ask": "1"}).content.decode()
    assert "Delete “Sketches”?" in asked
    assert "Its pictures are kept." in asked
    assert Gallery.objects.filter(pk=private_gallery.pk).exists()
    assert as_owner.post(address).status_code == 302
    assert not Gallery.objects.filter(pk=private_gallery.pk).exists()


def test_question_about_pictures_keeps_which_are_meant(as_owner: Client, make_picture: Callable[..., Picture]) -> None:
    one, other = make_picture(), make_picture()
    Picture.objects.update(trashed_at=timezone.now())
    asked = as_owner.post(
        "/trash/delete/", {"ask": "1", "picture": [one.pk, other.pk], "only": one.pk}
    ).content.decode()
    for name, value in (("picture", one.pk), ("picture", other.pk), ("only", one.pk)):
        assert f'<input type="hidden" name="{name}" value="{value}">' in asked
    assert 'name="ask"' not in asked
    assert Picture.objects.count() == 2
