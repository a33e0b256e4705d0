"""Asking for a picture."""

import html
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django_q.models import OrmQ

from gallery import services
from gallery.models import Gallery, Generation, ImageModel, Person, Picture, State, UpstreamAccount
from gallery.views.create import EXAMPLES
from tests.conftest import model

MakeGeneration = Callable[..., Generation]
HX = {"HX-Request": "true"}
PROMPT = "A lemon on a blue table"


def form(slug: str = "flux-pro", **changes: Any) -> dict[str, Any]:
    values = {"prompt": PROMPT, "model": model(slug).pk, "count": "2", "opt_size": "512x512", "gallery": ""}
    return values | {"token": uuid.uuid4()} | changes


def queued() -> list[tuple[str, tuple[int, ...]]]:
    """The function and the arguments of each message in the queue."""
    return [(message.task["func"], message.task["args"]) for message in OrmQ.objects.all()]


# -- the page


def test_empty_feed_shows_examples(as_owner: Client) -> None:
    text = as_owner.get("/").content.decode()
    assert len(EXAMPLES) == 3
    for example, _sample in EXAMPLES:
        assert f'data-fill-prompt="{example}"' in text


def test_page_offers_enabled_models_in_order(as_owner: Client) -> None:
    ImageModel.objects.filter(slug="midjourney").update(enabled=False)
    ImageModel.objects.filter(slug="dall-e-2").update(position=1)
    labels = [label for _, label in as_owner.get("/").context["form"].fields["model"].choices]
    assert labels == ["DALL·E 2", "DALL·E 3", "FLUX schnell", "FLUX pro", "Ideogram v3", "Stable Diffusion 3"]


def test_studio_without_models_says_so(as_owner: Client) -> None:
    ImageModel.objects.update(enabled=False)
    assert as_owner.get("/").status_code == 200
    assert as_owner.post("/generations/", form()).status_code == 422


def test_page_offers_own_galleries_only(as_teammate: Client, teammate: Person, team_gallery: Gallery) -> None:
    mine = Gallery.objects.create(owner=teammate, name="Mine")
    assert list(as_teammate.get("/").context["form"].fields["gallery"].rows()) == [mine]


def test_prompt_from_the_address_is_escaped(as_owner: Client) -> None:
    text = as_owner.get("/", {"prompt": "</textarea><script>alert(1)</script>"}).content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)" in text


def test_use_prompt_fills_the_form(as_owner: Client, make_generation: MakeGeneration) -> None:
    earlier = make_generation("dall-e-3", prompt="Earlier", options={"size": "1792x1024", "style": "natural"})
    shown = as_owner.get("/", {"prompt_from": earlier.pk}).context["form"]
    assert shown["prompt"].value() == "Earlier"
    assert shown.chosen == model("dall-e-3")
    assert [field.value() for field in shown.option_fields] == ["1792x1024", "standard", "natural"]


def test_use_prompt_hides_prompts_of_others(as_teammate: Client, make_generation: MakeGeneration) -> None:
    secret = make_generation(prompt="A birthday surprise")
    assert "surprise" not in as_teammate.get("/", {"prompt_from": secret.pk}).content.decode()


@pytest.mark.parametrize(
    "query", ["prompt_from=x", "prompt_from=" + "9" * 30, "before=x", "before=" + "9" * 30, "feed=x"]
)
def test_page_ignores_nonsense_in_the_address(as_owner: Client, query: str) -> None:
    assert as_owner.get(f"/?{query}").status_code == 200


def test_page_shows_a_pause(as_owner: Client) -> None:
    UpstreamAccount.pause("insufficient_balance", "The account is empty.", "Top it up.", seconds=60)
    text = as_owner.get("/").content.decode()
    assert "The studio is paused." in text
    assert "The studio’s balance at the service is used up." in text
    assert "The account is empty." not in text


# -- sending the form


def test_form_makes_a_generation(as_owner: Client, owner: Person, private_gallery: Gallery) -> None:
    response = as_owner.post("/generations/", form("midjourney", gallery=private_gallery.pk), follow=True)
    assert response.redirect_chain == [("/", 302)]
    made = Generation.objects.get()
    assert (made.author, made.model, made.prompt, made.count) == (owner, model("midjourney"), PROMPT, 2)
    assert (made.options, made.gallery, made.state) == ({"size": "512x512"}, private_gallery, State.QUEUED)
    assert str(made.estimated_cost) == "0.1000"
    text = response.content.decode()
    assert f'id="generation-{made.pk}"' in text
    assert "Next up" in text
    assert "1 under way" in text


def test_htmx_gets_card_poller_and_new_token(as_owner: Client) -> None:
    sent = form()
    response = as_owner.post("/generations/", sent, headers=HX)
    made = Generation.objects.get()
    text = response.content.decode()
    assert response.status_code == 200
    assert f'<article id="generation-{made.pk}"' in text
    assert f'value="{made.pk}:{made.version}"' in text
    assert 'hx-post="/generations/poll/"' in text
    assert 'name="token"' in text
    assert str(sent["token"]) not in text
    assert "<html" not in text


def test_submit_and_quiet_poll_keep_to_few_queries(as_owner: Client, django_assert_num_queries: Any) -> None:
    """Django takes longer to put a query together than SQLite to answer it."""
    first = {"prompt": "A lemon", "model": model("dall-e-3").pk, "count": "1", "token": str(uuid.uuid4())}
    as_owner.post("/generations/", first, headers=HX)
    again = first | {"prompt": "A lime", "token": str(uuid.uuid4())}
    # Session, person, rights, models, duplicates; a transaction with rights, limits, generation, budgets, groups,
    # ledger and message; the place in the queue, what is under way, the account, the budget, the limits.
    with django_assert_num_queries(19):
        assert as_owner.post("/generations/", again, headers=HX).status_code == 200
    made = Generation.objects.latest("pk")
    shown = {"pending": f"{made.pk}:{made.version}", "under_way": "2", "paused": ""}
    with django_assert_num_queries(5):
        assert as_owner.post("/generations/poll/", shown, headers=HX).status_code == 204


def test_options_default_if_not_chosen(as_owner: Client) -> None:
    sent = form("dall-e-3", count="1", opt_style="natural")
    del sent["opt_size"]
    as_owner.post("/generations/", sent)
    assert Generation.objects.get().options == {"size": "1024x1024", "quality": "standard", "style": "natural"}


@pytest.mark.parametrize("token", ["", None])
def test_form_works_without_a_token(as_owner: Client, token: str | None) -> None:
    sent = form(token=token)
    if token is None:
        del sent["token"]
    as_owner.post("/generations/", sent)
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 4000,
        "x" * 1999 + "\r\n" + "x" * 2000,
        "\r\n".join(["ab"] * 1333) + "\r\nc",
        "🍋" * 4000,
    ],
)
def test_four_thousand_characters_are_allowed(as_owner: Client, prompt: str) -> None:
    as_owner.post("/generations/", form(prompt=prompt))
    assert Generation.objects.get().prompt == prompt.replace("\r\n", "\n")
    assert len(Generation.objects.get().prompt) == 4000


BAD = {
    "no prompt": ({"prompt": ""}, "prompt", "Describe the picture first."),
    "blank prompt": ({"prompt": " \r\n "}, "prompt", "Describe the picture first."),
    "prompt without anything to see": ({"prompt": "\u200b \u200f"}, "prompt", "Describe the picture first."),
    "long prompt": ({"prompt": "x" * 4001}, "prompt", "This prompt has 4,001 characters; 4,000 is the most."),
    "NUL in the prompt": ({"prompt": "a\x00b"}, "prompt", "Null characters"),
    "size that it does not have": ({"opt_size": "1x1"}, "opt_size", "This model does not have 1x1 here"),
    "option that it does not have": ({"opt_quality": "hd"}, "__all__", "FLUX pro has no option “quality”."),
    "unknown option": ({"opt_seed": "7"}, "__all__", "FLUX pro has no option “seed”."),
    "too many": ({"count": "9"}, "count", "FLUX pro makes 4 pictures at once at the most."),
    "none": ({"count": "0"}, "count", "One picture is the least."),
    "fewer than none": ({"count": "-1"}, "count", "One picture is the least."),
    "no number": ({"count": "two"}, "count", "Enter a whole number."),
    "unknown model": ({"model": "999999"}, "model", "This model is not on offer; pick another."),
    "nonsense for a model": ({"model": "flux-pro"}, "model", "This model is not on offer; pick another."),
    "no model": ({"model": ""}, "model", "Pick a model."),
    "unknown gallery": ({"gallery": "999999"}, "gallery", "This gallery is not yours, or is gone."),
    "nonsense for a token": ({"token": "x"}, "token", "Something is wrong with this page."),
}


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
@pytest.mark.parametrize(("changes", "field", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_reported_at_the_field_and_kept(
    as_owner: Client, changes: dict[str, str], field: str, said: str, htmx: bool
) -> None:
    sent = form(**changes)
    response = as_owner.post("/generations/", sent, headers=HX if htmx else {})
    text = html.unescape(response.content.decode())
    assert response.status_code == 422
    assert said in " ".join(response.context["form"].errors[field])
    assert said in text
    if field in ("prompt", "opt_size", "count", "model", "gallery"):
        assert f'id="id_{field}_error"' in text
    assert f"\n{sent['prompt']}</textarea>" in text.replace("\r\n", "\n") or not sent["prompt"].strip()
    assert ("<html" in text) is not htmx
    assert not Generation.objects.exists()
    assert queued() == []


def test_disabled_model_is_refused(as_owner: Client) -> None:
    ImageModel.objects.filter(slug="flux-pro").update(enabled=False)
    response = as_owner.post("/generations/", form())
    assert response.status_code == 422
    assert "This model is not on offer; pick another." in response.content.decode()


def test_gallery_of_another_person_is_refused(as_teammate: Client, team_gallery: Gallery) -> None:
    response = as_teammate.post("/generations/", form(gallery=team_gallery.pk))
    assert response.status_code == 422
    assert "This gallery is not yours, or is gone." in response.content.decode()
    assert not Generation.objects.exists()


def test_choices_stay_after_an_error(as_owner: Client, private_gallery: Gallery) -> None:
    sent = form(prompt="", opt_size="512x512", count="3", gallery=private_gallery.pk)
    text = as_owner.post("/generations/", sent, headers=HX).content.decode()
    assert '<input type="radio" name="opt_size" value="512x512" checked' in text
    assert '<input type="radio" name="count" value="3" checked>' in text
    assert f'<option value="{private_gallery.pk}" selected>' in text
    chosen = re.search(r'name="model" id="[^"]+" value="(\d+)" aria-describedby="[^"]+" checked', text)
    assert chosen
    assert chosen[1] == str(sent["model"])
    assert str(sent["token"]) in text


@pytest.mark.parametrize(
    "prompt",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</textarea><b>",
        "{{ settings.SECRET_KEY }}",
        "&amp;",
    ],
)
def test_prompt_is_escaped_on_all_pages(as_owner: Client, prompt: str, make_picture: Callable[..., Picture]) -> None:
    picture = make_picture(prompt=prompt)
    make = form(prompt=prompt)
    pages = [
        as_owner.post("/generations/", make, headers=HX),
        as_owner.post("/generations/", make | {"count": "9"}, headers=HX),
        as_owner.get("/"),
        as_owner.get("/", {"prompt_from": picture.generation_id}),
        as_owner.get(f"/pictures/{picture.pk}/"),
    ]
    for page in pages:
        text = page.content.decode()
        assert html.escape(prompt) in text
        assert "<" not in prompt or prompt not in text


# -- idempotency and the message


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_form_sent_twice_makes_one_generation(as_owner: Client, htmx: bool) -> None:
    sent, headers = form(), HX if htmx else {}
    as_owner.post("/generations/", sent, headers=headers)
    again = as_owner.post("/generations/", sent, headers=headers)
    assert again["HX-Redirect" if htmx else "Location"] == "/"
    assert Generation.objects.count() == 1
    assert len(queued()) == 1


def test_page_that_back_brought_back_makes_what_is_asked_for_now(as_owner: Client) -> None:
    """Its token is that of what was sent from it before."""
    sent = form("dall-e-3", count="1")
    del sent["opt_size"]
    for changes in ({}, {"prompt": "A lime"}, {"opt_style": "natural"}, {}, {"again": "all", "prompt": "A lime"}):
        as_owner.post("/generations/", sent | changes)
    asked = Generation.objects.order_by("pk").values_list("prompt", "options__style")
    assert list(asked) == [(PROMPT, "vivid"), ("A lime", "vivid"), (PROMPT, "natural")]


def test_token_of_another_person_reveals_nothing(as_owner: Client, as_teammate: Client) -> None:
    sent = form()
    as_owner.post("/generations/", sent)
    response = as_teammate.post("/generations/", sent, headers=HX)
    olivia_s = Generation.objects.get(author__name="Olivia Owner")
    assert f"generation-{olivia_s.pk}" not in response.content.decode()
    assert len(queued()) == Generation.objects.count()


def test_message_is_committed_with_the_row(as_owner: Client) -> None:
    as_owner.post("/generations/", form())
    assert queued() == [("gallery.tasks.submit", (Generation.objects.get().pk,))]


def test_message_is_rolled_back_with_the_row(owner: Person) -> None:
    class Changed(Exception):
        pass

    def ask_and_fail() -> None:
        with transaction.atomic():
            services.generations.submit(owner, model=model("flux-pro"), prompt=PROMPT, options={}, count=1)
            assert len(queued()) == 1
            raise Changed

    with pytest.raises(Changed):
        ask_and_fail()
    assert not Generation.objects.exists()
    assert queued() == []


def test_form_needs_its_csrf_token(owner: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post("/generations/", form()).status_code == 403
    token = client.get("/").context["csrf_token"]
    assert client.post("/generations/", form(), headers={"X-CSRFToken": str(token)}).status_code == 302
