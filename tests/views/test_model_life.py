"""What people read of a model that ends, has ended or is free; and a studio without any model."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gallery.models import Generation, ImageModel, Person, Picture, PromptTemplate, State
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
HX = {"HX-Request": "true"}


def tell(slug: str, **lifecycle: Any) -> ImageModel:
    """Note what the upstream says of this model's life."""
    ImageModel.objects.filter(slug=slug).update(lifecycle=lifecycle)
    return model(slug)


def retire(slug: str = "dall-e-3", replacement: str = "flux-pro") -> ImageModel:
    yesterday = timezone.now() - timedelta(days=1)
    return tell(slug, stage="deprecated", sunset_at=yesterday.astimezone(UTC).isoformat(), replacement=replacement)


def options_of(client: Client, chosen: ImageModel) -> str:
    return client.get("/generations/options/", {"model": chosen.pk}, headers=HX).content.decode()


def words(text: str) -> str:
    return " ".join(text.split())


def test_deprecated_model_says_its_last_day_and_its_replacement(as_owner: Client) -> None:
    ending = tell("dall-e-3", stage="deprecated", sunset_at="2999-01-31T00:00:00+00:00", replacement="flux-pro")
    assert "Last day: 31 January 2999. FLUX pro takes its place." in words(options_of(as_owner, ending))
    assert "Last day" not in options_of(as_owner, model("flux-pro"))
    assert ending in ImageModel.objects.on_offer()


def test_deprecated_model_without_a_day_is_said_to_end(as_owner: Client) -> None:
    ending = tell("dall-e-3", stage="deprecated", replacement="not-in-the-catalogue")
    said = words(options_of(as_owner, ending))
    assert "The service will stop offering it. not-in-the-catalogue takes its place." in said


def test_free_model_says_free_and_no_price(as_owner: Client) -> None:
    def card(found: ImageModel) -> str:
        page = as_owner.get("/").content.decode()
        return page.partition(f'data-model="{found.pk}"')[2].partition('class="model-card"')[0]

    shown = card(tell("dall-e-3", is_free=True))
    assert "<span>Free</span>" in shown
    assert "$" not in shown
    assert "Free" not in card(tell("dall-e-3", is_free=True, free_until="2020-01-01T00:00:00+00:00"))


@pytest.mark.parametrize(
    ("sunset_at", "is_on_offer"),
    [("2020-01-01T00:00:00+00:00", False), ("2999-01-01T00:00:00+00:00", True), ("", True), (None, True)],
)
def test_model_is_on_offer_until_its_last_day(db: None, sunset_at: str | None, is_on_offer: bool) -> None:
    found = tell("dall-e-3", sunset_at=sunset_at)
    assert found.is_on_offer is is_on_offer
    assert (found in ImageModel.objects.on_offer()) is is_on_offer


def test_model_without_a_lifecycle_is_on_offer(db: None) -> None:
    assert ImageModel.objects.on_offer().count() == 7


def test_retired_model_is_not_offered(as_owner: Client) -> None:
    retired = retire()
    form = as_owner.get("/").context["form"]
    assert retired not in form.models
    assert str(retired.pk) not in form.fields["model"].models
    sent = {"prompt": "A lemon", "model": retired.pk, "count": "1", "opt_size": "1024x1024"}
    assert as_owner.post("/generations/", sent, headers=HX).status_code == 422
    assert not Generation.objects.exists()


def test_settings_of_a_retired_model_are_taken_over_by_its_replacement(
    as_owner: Client, make_generation: MakeGeneration
) -> None:
    earlier = make_generation("dall-e-3", options={"size": "1024x1024"})
    retire()
    page = as_owner.get("/", {"prompt_from": earlier.pk})
    assert page.context["form"].chosen == model("flux-pro")
    assert "DALL·E 3 is not on offer any more. FLUX pro takes its place." in words(page.content.decode())


def test_replacement_that_is_not_on_offer_is_named_all_the_same(
    as_owner: Client, make_generation: MakeGeneration
) -> None:
    earlier = make_generation("dall-e-3", options={"size": "1024x1024"})
    retire(replacement="paintbox-9")
    page = as_owner.get("/", {"prompt_from": earlier.pk})
    said = words(page.content.decode())
    assert "The service names paintbox-9 in its place, which is not on offer here." in said
    assert f"{page.context['form'].chosen} is chosen." in said


def test_card_of_a_retired_model_names_the_replacement(
    as_owner: Client, make_picture: Callable[..., Picture], make_generation: MakeGeneration
) -> None:
    make_picture(make_generation("dall-e-3", state=State.COMPLETED))
    assert "now FLUX pro" not in as_owner.get("/").content.decode()
    retire()
    assert "DALL·E 3, now FLUX pro" in as_owner.get("/").content.decode()


def test_cards_of_retired_models_cost_one_query_together(
    as_owner: Client, make_generation: MakeGeneration, django_assert_max_num_queries: Any
) -> None:
    retire()
    make_generation("dall-e-3", state=State.CANCELLED)
    as_owner.get("/generations/")
    with django_assert_max_num_queries(100) as one:
        as_owner.get("/")
    for _ in range(5):
        make_generation("dall-e-3", state=State.CANCELLED)
    with django_assert_max_num_queries(len(one.captured_queries)):
        as_owner.get("/")


def test_retry_of_a_retired_model_names_the_replacement(as_owner: Client, make_generation: MakeGeneration) -> None:
    failed = make_generation("dall-e-3", state=State.FAILED)
    retire()
    answer = as_owner.post(f"/generations/{failed.pk}/retry/", headers=HX)
    assert "FLUX pro takes its place." in answer.headers["HX-Trigger"]
    assert Generation.objects.count() == 1


def test_template_of_a_retired_model_names_the_replacement(as_owner: Client, owner: Person) -> None:
    template = PromptTemplate.objects.create(
        author=owner, name="Poster", text="A poster", model=model("dall-e-3"), options={"size": "1024x1024"}, count=1
    )
    retire()
    assert "DALL·E 3, now FLUX pro" in as_owner.get("/templates/").content.decode()
    page = as_owner.get("/", {"template": template.pk})
    assert page.context["form"].chosen == model("flux-pro")
    assert page.context["form"]["prompt"].value() == "A poster"


@pytest.mark.parametrize("how", ["none", "all off", "all retired"])
def test_create_without_a_model_says_so(
    as_owner: Client, as_administrator: Client, make_picture: Callable[..., Picture], how: str
) -> None:
    if how == "none":
        ImageModel.objects.all().delete()
    elif how == "all off":
        make_picture()
        ImageModel.objects.update(enabled=False)
    else:
        ImageModel.objects.update(lifecycle={"sunset_at": datetime(2020, 1, 1, tzinfo=UTC).isoformat()})
    page = as_owner.get("/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "No model is on offer at the moment" in text
    assert "Ask an administrator" in text
    assert 'id="composer-form"' not in text
    assert "/imagemodel/" not in text
    assert "Open the models" in as_administrator.get("/").content.decode()


@pytest.mark.parametrize("path", ["/generations/options/", "/edit/", "/queue/", "/templates/", "/pictures/", "/usage/"])
def test_other_pages_work_without_a_model(as_owner: Client, path: str) -> None:
    ImageModel.objects.all().delete()
    assert as_owner.get(path).status_code == 200


def test_asking_without_a_model_is_refused_in_words(as_owner: Client) -> None:
    ImageModel.objects.all().delete()
    sent = {"prompt": "A lemon", "count": "1"}
    assert as_owner.post("/generations/plan/", sent, headers=HX).status_code == 200
    answer = as_owner.post("/generations/", sent, headers=HX)
    assert answer.status_code == 422
    assert "Pick a model." in answer.content.decode()
    assert not Generation.objects.exists()
