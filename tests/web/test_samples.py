"""The sample beside each model."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import ImageModel, Person, Picture
from gallery.web.samples import picks_of

pytestmark = pytest.mark.django_db


def test_seeded_models_have_bundled_samples_and_ask_for_nothing(owner: Person) -> None:
    models = list(ImageModel.objects.on_offer())
    with CaptureQueriesContext(connection) as queries:
        picks = picks_of(models, owner)
    assert len(picks) == 7
    assert all(pick.sample.startswith("/static/samples/") for pick in picks)
    assert len(queries) == 0


def test_other_models_show_their_newest_picture_that_the_person_may_see(
    owner: Person, teammate: Person, make_picture: Callable[..., Picture]
) -> None:
    first, second = ImageModel.objects.on_offer()[:2]
    ImageModel.objects.filter(pk=first.pk).update(slug="of-our-own", label="Of our own")
    ImageModel.objects.filter(pk=second.pk).update(slug="another")
    make_picture(slug="of-our-own")
    newest = make_picture(slug="of-our-own")
    models = list(ImageModel.objects.on_offer())
    with CaptureQueriesContext(connection) as queries:
        by_slug = {pick.model.slug: pick for pick in picks_of(models, owner)}
    assert f"/{newest.pk}/" in by_slug["of-our-own"].sample
    assert by_slug["another"].sample == ""
    assert len(queries) == 2
    unseen = {pick.model.slug: pick for pick in picks_of(models, teammate)}
    assert unseen["of-our-own"].sample == ""
    assert unseen["of-our-own"].initials == "OO"
