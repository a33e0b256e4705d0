"""How the client reads a server's catalogue: in the vendor's shapes, with ids only, and with nonsense.

The shapes are small excerpts, written by hand after the vendor's pages of March and July 2026.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream import (
    AccountProblem,
    Client,
    MalformedAnswer,
    NotSent,
    OfferedModel,
    OfferedOption,
    OutcomeUnknown,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    UpstreamError,
)
from gallery.upstream.catalogue import (
    LeftOut,
    not_for_pictures,
    offered_model,
    offered_rows,
    pricing_in,
)
from tests.sandbox.conftest import launch
from tests.support.properties import cases
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.upstream.helpers import KEY

RATIOS = ("1:1", "16:9")
RATIO = OfferedOption("aspect_ratio", "Aspect ratio", RATIOS)
ALL_OPERATIONS = ("text-to-image", "image-to-image", "image-edit")


def row(name: str, category: object = "image", **said: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", "tokenlab": {"category": category, **said}}


def page(namespace: str = "tokenlab", key: str = "request_format_details", **contract: Any) -> dict[str, Any]:
    return {"id": "m", namespace: {"category": "image", key: contract}}


def described(**contract: Any) -> dict[str, Any]:
    """The page of a model that makes pictures from a prompt, with several aspect ratios."""
    return page(
        **{
            "public_operations": ["text-to-image"],
            "request_endpoint": "/v1/images/generations",
            "supported_parameters": ["prompt", "n", "aspect_ratio"],
            "aspect_ratios": list(RATIOS),
            **contract,
        }
    )


def prices(**by_model: Any) -> dict[str, Any]:
    rows = [{"model": name, **more} for name, more in by_model.items()]
    return {"object": "pricing", "currency": "USD", "data": rows}


def serving(
    rows: Any, page_of: Callable[[str], Any] = lambda name: described(), price_list: Any = None
) -> Callable[[Request], Any]:
    """A server with this list, these pages, and this list of prices."""

    def answer(request: Request) -> Any:
        path = unquote(urlsplit(request.path).path)
        if path == "/v1/models":
            return {"object": "list", "data": rows} if isinstance(rows, list) else rows
        if path == "/v1/pricing":
            return prices() if price_list is None else price_list
        if path.endswith("/pricing"):
            return refusal(404)
        return page_of(path.removeprefix("/v1/models/"))

    return answer


def refusal(status: int, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    return Reply.of_json({"error": {"code": code, "message": "no"}}, status, headers=headers or {})


# A server that says everything


def test_catalogue_of_the_sandbox_is_read(tmp_path: Any) -> None:
    process, line = launch(LEMONSTUDIO_SANDBOX_SECRET="s", LEMONSTUDIO_DATA=str(tmp_path))
    try:
        client = Client(line.split()[-1], "sk-sandbox", connect_timeout=10)
        catalogue = client.catalogue()
        client.close()
    finally:
        process.terminate()
        process.communicate(timeout=10)
    offered = {model.id: model for model in catalogue.models}
    assert len(offered) == 11
    assert catalogue.left_out == ()
    assert all(model.described and model.generates for model in offered.values())
    dalle = offered["dall-e-3"]
    assert (dalle.price, dalle.prices[-1]) == (Decimal("0.04"), ({"quality": "hd"}, Decimal("0.08")))
    assert (dalle.edits, dalle.prompt_limit, dalle.problems) == (False, 4000, ())
    assert dalle.parameters == {"size": (), "quality": (), "style": ()}
    banana = offered["nano-banana-pro"]
    assert banana.options == (
        OfferedOption("aspect_ratio", "Aspect ratio", ("1:1", "16:9", "9:16", "3:2", "2:3")),
        OfferedOption("resolution", "Resolution", ("1k", "2k", "4k"), "", ("generate",)),
    )
    assert banana.endpoints["edit"] == "/images/generations"
    assert banana.masks is False
    gpt = offered["gpt-image-2"]
    assert (gpt.edits, gpt.masks, gpt.endpoints["edit"]) == (True, True, "/images/edits")
    assert gpt.parameters["moderation"] == gpt.parameters["background"] == ("generate",)
    assert (gpt.price, gpt.token_prices) == (None, {"input": Decimal(5), "output": Decimal(30)})


def test_client_asks_for_list_pages_and_prices(stub: StubUpstream, client: Client) -> None:
    stub.handler = serving([row("a/b c?d#e"), row("dall-e-3")], price_list=prices(**{"dall-e-3": {}, "a/b c?d#e": {}}))
    assert [model.id for model in client.catalogue().models] == ["a/b c?d#e", "dall-e-3"]
    assert [request.path for request in stub.requests] == [
        "/v1/models?category=image",
        "/v1/pricing",
        "/v1/models/a%2Fb%20c%3Fd%23e",
        "/v1/models/dall-e-3",
    ]
    assert {request.method for request in stub.requests} == {"GET"}
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {KEY}"}
    assert len({request.peer for request in stub.requests}) == 1


def test_description_in_the_list_saves_a_request(stub: StubUpstream, client: Client) -> None:
    stub.handler = serving([described()], page_of=lambda name: refusal(500), price_list=prices(m={}))
    (model,) = client.catalogue().models
    assert (model.described, model.options) == (True, (RATIO,))
    assert [request.path for request in stub.requests] == ["/v1/models?category=image", "/v1/pricing"]


@pytest.mark.parametrize("namespace", ["tokenlab", "lemondata"])
@pytest.mark.parametrize("key", ["request_format_details", "public_contract"])
def test_both_names_and_shapes_are_read(namespace: str, key: str) -> None:
    said = page(
        namespace,
        key,
        public_operations=["text-to-image", "image-edit"],
        supported_parameters=["prompt", "aspect_ratio", "seed"],
        aspect_ratios=list(RATIOS),
        request_endpoint="/v1/images/generations",
        request_endpoint_by_operation={"image-edit": "/v1/images/edits", "text-to-image": None},
        service_limits={"prompt_max_characters": 3000, "concurrency": None},
    )
    model = offered_model("m", [said])
    assert model.described
    assert (model.generates, model.edits, model.prompt_limit) == (True, True, 3000)
    assert model.endpoints["generate"] == "/images/generations"
    assert model.endpoints["edit"] == "/images/edits"
    assert model.options == (RATIO,)
    assert model.parameters == {"seed": ()}


def test_newer_name_wins() -> None:
    said = {
        "id": "m",
        "tokenlab": {"category": "image", "description": "new"},
        "lemondata": {"category": "image", "description": "old", "public_contract": {"supported_parameters": ["seed"]}},
    }
    model = offered_model("m", [said])
    assert (model.description, model.described) == ("new", False)


def test_operations_have_their_own_fields() -> None:
    said = described(
        public_operations=["text-to-image", "image-to-image"],
        operation_constraints=[
            {
                "operation": "text-to-image",
                "supported_parameters": ["prompt", "aspect_ratio", "resolution"],
                "allowed_resolutions": ["1k", "2k"],
            },
            {
                "operation": "image-to-image",
                "request_endpoint": "/v1/images/generations",
                "supported_parameters": ["prompt", "operation", "aspect_ratio", "image_urls"],
                "allowed_aspect_ratios": ["1:1"],
            },
        ],
    )
    model = offered_model("m", [said])
    ratio, resolution = model.options
    assert (resolution.choices, resolution.operations) == (("1k", "2k"), ("generate",))
    assert (ratio.choices, ratio.operations) == (RATIOS, ())
    assert ratio.choices_for == {"references": ("1:1",), "edit": ("1:1",)}
    assert model.problems == ()
    assert model.address_fields == {"references": ("image_urls", "image_urls"), "edit": ("image_urls", "image_urls")}
    assert model.edits, "without an operation for references, the edit takes the pictures"


def test_required_field_has_a_default() -> None:
    model = offered_model("m", [described(required_selectors=["aspect_ratio"])])
    assert (model.required, model.options[0].default) == (("aspect_ratio",), "1:1")


def test_two_names_of_a_field_are_one_option() -> None:
    model = offered_model("m", [described(supported_parameters=["output_compression", "compression"])])
    assert list(model.parameters) == ["output_compression"]


def test_summary_is_no_description() -> None:
    summary = {"public_operations": ["image-edit"], "request_endpoint": "/v1/images/edits"}
    model = offered_model("m", [row("m", request_format_summary=summary)])
    assert (model.described, model.generates, model.edits) == (False, False, True)
    assert model.endpoints["edit"] == "/images/edits"


def test_end_of_a_model_is_read() -> None:
    life = {
        "stage": "deprecated",
        "reason": "Old",
        "replacement_model": "flux-2-pro",
        "deprecated_at": "2026-06-01T00:00:00Z",
        "sunset_at": "2027-01-31T00:00:00Z",
    }
    free = {"user_charge_policy": "free", "free_until": "2026-12-01T00:00:00Z"}
    preferences = {"image": {"success_rate_24h": 0.97}}
    model = offered_model("m", [row("m", lifecycle=life, commercial=free, agent_preferences=preferences)])
    assert model.lifecycle == {
        "stage": "deprecated",
        "reason": "Old",
        "replacement": "flux-2-pro",
        "sunset_at": "2027-01-31T00:00:00+00:00",
        "is_free": True,
        "free_until": "2026-12-01T00:00:00+00:00",
    }
    assert model.success_rate == 0.97
    assert offered_model("m", [row("m", lifecycle={"stage": "active"})]).lifecycle == {}


# Prices


@pytest.mark.parametrize(
    "said",
    [
        {"pricing": {"per_request": "0.04", "input_per_1m": None, "is_lock_price": True, "currency": "USD"}},
        {"lock_price_per_request": "0.04", "input_per_1m_tokens": None},
        {"pricing_unit": "per_request", "scalar_pricing": {"per_request": "0.0400"}},
        {"pricing_unit": "per_image", "scalar_pricing": {"per_image": 0.04}},
    ],
)
def test_price_is_found_at_all_places(said: dict[str, Any]) -> None:
    assert offered_model("m", [], [said]).price == Decimal("0.04")
    assert offered_model("m", [{"id": "m", "tokenlab": said}], [said]).price == Decimal("0.04")


@pytest.mark.parametrize(
    ("value", "price"),
    [
        ("0.04", "0.04"),
        (0.04, "0.04"),
        ("100", "100"),
        (0, "0"),
        ("0.0000004", "0"),
        *[(one, "None") for one in (None, "", "free", "-1", -0.01, True, "NaN", math.inf, "1e9", [1], 10**7, 10**400)],
    ],
)
def test_amount_is_read(value: Any, price: str) -> None:
    assert str(offered_model("m", [], [{"lock_price_per_request": value}]).price) == price


def test_price_in_another_currency_is_ignored() -> None:
    assert offered_model("m", [], [{"lock_price_per_request": "4", "currency": "CNY"}]).price is None
    assert offered_model("m", [], [{"pricing": {"per_request": "4", "currency": "CNY"}}]).price is None


def test_token_prices_are_no_price_of_a_picture() -> None:
    rates = {"input_per_1m_tokens": "5.00", "output_per_1m_tokens": "30.00"}
    said = {"pricing_unit": "per_token", "per_request": "5", **rates}
    model = offered_model("m", [], [said])
    assert (model.price, model.token_prices) == (None, {"input": Decimal(5), "output": Decimal(30)})


def test_price_by_option_is_read_or_reported() -> None:
    variants = [
        {"when": {"quality": "hd"}, "per_request": "0.08"},
        {"when": {"quality": "hd", "size": "1792x1024"}, "per_request": "0.12"},
        {"when": {}, "per_request": "1"},
        {"when": {"n": "2"}, "per_request": "1"},
        {"when": {"quality": 7}, "per_request": "1"},
        7,
    ]
    said = {"has_complex_pricing": True, "pricing_details": {"variants": variants}}
    model = offered_model("m", [], [said])
    assert model.prices == (
        ({"quality": "hd", "size": "1792x1024"}, Decimal("0.12")),
        ({"quality": "hd"}, Decimal("0.08")),
    )
    assert model.problems == ()
    unclear = offered_model(
        "m", [], [{"has_complex_pricing": True, "pricing": {"min_price": "0.02", "max_price": "0.09"}}]
    )
    assert "($0.02 to $0.09)" in unclear.problems[0]


def test_price_must_be_of_the_requested_model() -> None:
    rows = [{"model": "other", "pricing": {"per_request": "9"}}, {"model": "m", "lock_price_per_request": "1"}]
    assert pricing_in({"data": rows}, "m") == {"model": "m", "lock_price_per_request": "1", "currency": None}
    assert pricing_in({"data": rows[:1]}, "m") is None
    assert pricing_in({"model": "other", "scalar_pricing": {}}, "m") is None
    assert pricing_in({"model": "m", "scalar_pricing": {"per_request": "1"}}, "m") is not None


def test_prices_are_asked_for_by_model(stub: StubUpstream, client: Client) -> None:
    """The vendor's pages of March 2026 describe this, if the whole list is refused."""

    def answer(request: Request) -> Any:
        if request.path == "/v1/pricing?model=m":
            return {"object": "list", "data": [{"model": "m", "pricing": {"per_request": "0.05"}}]}
        return refusal(404) if "pricing" in request.path else serving([row("m")])(request)

    stub.handler = answer
    assert client.catalogue().models[0].price == Decimal("0.05")


# Servers that say less


def test_openai_server_offers_ids_only(stub: StubUpstream, client: Client) -> None:
    names = [f"model-{number}" for number in range(40)]
    stub.handler = serving(
        [{"id": name, "object": "model", "owned_by": "me"} for name in names],
        page_of=lambda name: {"id": name, "object": "model"},
        price_list=Reply(404, b"<h1>Not Found</h1>"),
    )
    assert client.catalogue().models == tuple(OfferedModel(name) for name in names)
    assert len(stub.requests) == 1 + 1 + 3 + 3 + 3, "the client stops asking soon"


@pytest.mark.parametrize(
    "useless",
    [
        refusal(404, "model_not_found"),
        refusal(405),
        refusal(403, "access_denied"),
        refusal(401, "invalid_api_key"),
        refusal(302, headers={"Location": "/login"}),
        Reply(200, b"<!doctype html>"),
        Reply.of_json([]),
        Reply.of_json(None),
        Reply.of_json({"data": 7}),
    ],
)
def test_missing_details_and_prices_are_left_out(stub: StubUpstream, client: Client, useless: Reply) -> None:
    names = ["a", "b", "c", "d", "e"]
    stub.handler = serving([row(name) for name in names], lambda name: useless, useless)
    assert client.catalogue().models == tuple(OfferedModel(name) for name in names)


def test_failed_page_affects_its_model_only(stub: StubUpstream, client: Client) -> None:
    names = [f"m{number}" for number in range(9)]
    stub.handler = serving([row(name) for name in names], lambda name: refusal(500) if name != "m8" else described())
    assert [model.described for model in client.catalogue().models] == [False] * 8 + [True]


# Options


RESERVED = ("model", "prompt", "n", "user", "response_format", "image", "images", "mask", "image_url", "image_urls")
NO_NAMES: list[Any] = ["", "Size", "9size", "si-ze", "größe", "s" * 41, "size\n", 7, None, []]


@pytest.mark.parametrize("name", [*RESERVED, "operation", "stream", "partial_images", "mask_url", *NO_NAMES])
def test_fields_that_are_no_options_are_ignored(name: Any) -> None:
    model = offered_model("m", [described(supported_parameters=[name, "aspect_ratio"])])
    assert (model.options, model.parameters) == ((RATIO,), {})


def test_senseless_choices_are_ignored() -> None:
    given = ["1:1", 7, None, True, ["x"], "", "a\nb", "x" * 101, "16:9", "1:1"]
    assert offered_model("m", [described(aspect_ratios=given)]).options == (RATIO,)


def test_description_is_one_clean_line() -> None:
    model = offered_model("m", [row("m", description=" a\x00b\x1b[1m\n\n  c\u2028 " + "x" * 900)])
    assert model.description.startswith("ab[1m c x")
    assert len(model.description) == 500


def test_unknown_operations_are_reported() -> None:
    model = offered_model("m", [described(public_operations=["text-to-image", "image-to-hologram"])])
    assert model.problems == ("The studio does not know its operation “image-to-hologram”.",)


# Lists


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([], []),
        ([row("a"), row("b", None), row("c", 7), {"id": "d", "tokenlab": 7}], ["a", "b", "c", "d"]),
        ([row("a"), row("a"), {"id": "a"}], ["a"]),
        ([None, 7, "x", [], {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": ["a"]}], []),
        ([{"id": "x" * 101}, {"id": "a\nb"}, {"id": " a"}, {"id": "\ud800"}, {"id": "x" * 100}], ["x" * 100]),
    ],
)
def test_usable_ids_are_read(rows: list[Any], names: list[str]) -> None:
    assert list(offered_rows({"data": rows})[0]) == names
    assert list(offered_rows(rows)[0]) == names, "a bare list counts, too"


@pytest.mark.parametrize(
    ("said", "is_left_out"),
    [
        (row("veo3.1", "video"), True),
        ({"id": "gpt-5.4", "lemondata": {"category": "chat"}}, True),
        ({"id": "veo3.1", "lemondata": {"category": "video"}}, True),
        (row("x", "image", supported_operations=["text-to-video"]), True),
        (row("x", None, public_operations=["image-edit"]), False),
        (row("x", None, capabilities=["chat"]), True),
        (row("x", "image", capabilities=["chat"]), False),
        *[
            ({"id": name}, True)
            for name in (
                "sora-2", "veo3.1", "gpt-5.4", "gpt-4o", "o3-mini", "claude-opus-4", "text-embedding-3-small", "tts-1",
                "whisper-1", "kling-video-v2", "seedance-1.0", "ideogram-describe-v3", "meta/llama-4",
            )
        ],
        *[
            ({"id": name}, False)
            for name in (
                "gpt-image-2", "dall-e-3", "gemini-2.5-flash-image", "flux-pro", "kling-image-o1", "qwen-image-edit",
                "black-forest-labs/flux-kontext-pro", "recraft-v3", "my-own-model",
            )
        ],
    ],
)  # fmt: skip
def test_models_for_other_purposes_are_left_out(said: dict[str, Any], is_left_out: bool) -> None:
    assert bool(not_for_pictures(said["id"], said)) is is_left_out
    found, left_out = offered_rows([said])
    assert (said["id"] in found) is not is_left_out
    assert [one.id for one in left_out] == ([said["id"]] if is_left_out else [])


def test_endless_catalogue_is_cut_off_with_a_note(stub: StubUpstream, client: Client) -> None:
    choices = [f"{one}:1" for one in range(500)]
    names = [f"o{number}" for number in range(150)]
    said = Reply.of_json(described(supported_parameters=["aspect_ratio", *names], aspect_ratios=choices))
    stub.handler = serving([row(f"m{number}") for number in range(5_000)], lambda name: said)
    catalogue = client.catalogue()
    assert len(catalogue.models) == 200
    assert catalogue.left_out[0] == LeftOut("m200", "the list has more than 200 models")
    assert {len(model.options) + len(model.parameters) for model in catalogue.models} == {20}
    assert {len(one.choices) for model in catalogue.models for one in model.options} == {50}


# Errors


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(401, "invalid_api_key"), AccountProblem, "invalid_api_key"),
        (refusal(402, "insufficient_balance"), AccountProblem, "insufficient_balance"),
        (refusal(404), Refused, "not_found"),
        (Reply(404, b"<h1>no"), Refused, "not_found"),
        (refusal(302, headers={"Location": "https://elsewhere.example/v1/models"}), Redirected, "redirected"),
        (refusal(429, headers={"Retry-After": "7"}), RateLimited, "rate_limit_exceeded"),
        (refusal(503), ServerTrouble, "all_channels_failed"),
        (Reply(200, b"<!doctype html>"), MalformedAnswer, "malformed_answer"),
        (Reply.of_json({"object": "list"}), MalformedAnswer, "malformed_answer"),
        (Reply.of_json({"data": {"id": "a"}}), MalformedAnswer, "malformed_answer"),
        (Reply.of_json("models"), MalformedAnswer, "malformed_answer"),
        (Reply(200, b"[" * 100_000), MalformedAnswer, "malformed_answer"),
        (Reply(200, b'{"data": [' + b" " * 9 * 2**20 + b"]}"), MalformedAnswer, "answer_too_large"),
        (Reply(how="reset"), OutcomeUnknown, "connection_lost"),
        (Reply(how="truncate", body=b'{"data": [], '), OutcomeUnknown, "connection_lost"),
    ],
)
def test_missing_list_is_an_error(
    stub: StubUpstream, client: Client, answer: Reply, kind: type[UpstreamError], code: str
) -> None:
    stub.handler = serving(answer)
    with pytest.raises(kind) as caught:
        client.catalogue()
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1


def test_missing_server_is_an_error() -> None:
    with pytest.raises(NotSent):
        Client("http://no-such-host.invalid/v1", KEY).catalogue()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(429, headers={"Retry-After": "7"}), RateLimited),
        (Reply(how="reset"), OutcomeUnknown),
        (Reply(how="hang"), OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("at", ["page", "price"])
def test_half_a_catalogue_is_an_error(stub: StubUpstream, answer: Reply, kind: type[UpstreamError], at: str) -> None:
    stub.handler = serving(
        [row("a"), row("b"), row("c")],
        lambda name: answer if at == "page" and name == "b" else described(),
        answer if at == "price" else None,
    )
    with pytest.raises(kind):
        Client(stub.base_url, KEY, connect_timeout=5, poll_read_timeout=1).catalogue()


def test_slow_pages_meet_the_deadline(stub: StubUpstream) -> None:
    stub.handler = serving(
        [row(f"m{number}") for number in range(200)], lambda name: Reply.of_json(described(), delay=0.1)
    )
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, connect_timeout=5, catalogue_time=1.0).catalogue()
    assert (caught.value.code, caught.value.retryable) == ("catalogue_too_slow", True)
    assert len(stub.requests) < 100


def test_client_stops_at_the_deadline(stub: StubUpstream) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, catalogue_time=0.0).catalogue()
    assert (caught.value.code, stub.requests) == ("catalogue_too_slow", [])


def test_slow_answer_meets_the_deadline(stub: StubUpstream) -> None:
    stub.handler = serving([row("a")], lambda name: Reply(200, b" " * 4_000, how="drip", every=0.05))
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, connect_timeout=5, catalogue_time=1.0).catalogue()
    assert caught.value.code == "catalogue_too_slow"


def test_offer_does_not_contain_the_key(stub: StubUpstream, client: Client) -> None:
    said = f"Made for {KEY}."
    stub.handler = serving(
        [row("a"), row(KEY)],
        lambda name: (
            described(aspect_ratios=[KEY, "1:1"], notes=[said], public_operations=["text-to-image", KEY])
            | {"tokenlab": {**described()["tokenlab"], "description": said, "lifecycle": {"reason": said}}}
        ),
        prices(a={"pricing_details": {"variants": [{"when": {"size": KEY}, "per_request": "1"}]}}),
    )
    catalogue = client.catalogue()
    assert len(catalogue.models) == 2
    assert KEY not in repr(catalogue)
    assert "sk-…" in catalogue.models[0].description


# Random JSON

# fmt: off
TEXTS = st.sampled_from([
    "", " ", "image", "chat", "m", "size", "1:1", "16:9", "model", "n", "text-to-image", "image-edit", "0.04", "-1",
    "NaN", "1e999", "USD", "CNY", "a\nb", "\x00", "\ud800", "x" * 9000, "/v1/images/edits", "2027-01-31T00:00:00Z", KEY,
])
LEAVES = st.one_of(
    TEXTS, st.sampled_from([None, True, False, 0, -1, 1, 4, 0.04, 10**400, math.nan, math.inf]), st.text(max_size=6)
)
FIELDS = st.sampled_from([
    "object", "data", "id", "tokenlab", "lemondata", "category", "request_format_details", "public_contract", "model",
    "description", "public_operations", "supported_parameters", "operation_constraints", "aspect_ratios", "operation",
    "allowed_aspect_ratios", "pricing", "per_request", "currency", "variants", "when", "lifecycle", "commercial",
])
# fmt: on
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | TEXTS, inner, max_size=4), max_leaves=6
)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with these fields, with nonsense in some of them, or complete nonsense."""
    broken = {name: value | VALUES for name, value in fields.items()}
    return st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=broken) | VALUES


WORDS = st.lists(st.sampled_from(ALL_OPERATIONS) | TEXTS, max_size=3)
PARAMETERS = st.lists(st.sampled_from(["size", "quality", "n", "aspect_ratio", "seed", "mask"]) | TEXTS, max_size=5)
CHOICES = st.lists(TEXTS, max_size=4)
CONSTRAINT = shaped(
    operation=st.sampled_from(ALL_OPERATIONS),
    request_endpoint=TEXTS,
    supported_parameters=PARAMETERS,
    allowed_aspect_ratios=CHOICES,
)
CONTRACTS = shaped(
    public_operations=WORDS,
    supported_parameters=PARAMETERS,
    operation_constraints=st.lists(CONSTRAINT, max_size=2),
    aspect_ratios=CHOICES,
    required_selectors=PARAMETERS,
    request_endpoint=st.sampled_from(["/v1/images/edits", "/v1/images/generations"]) | TEXTS,
    service_limits=shaped(prompt_max_characters=st.just(4000)),
    notes=CHOICES,
)
LIFE = shaped(stage=st.just("deprecated"), replacement_model=TEXTS, sunset_at=TEXTS)
SAID = shaped(
    category=st.just("image"),
    description=TEXTS,
    request_format_details=CONTRACTS,
    public_contract=CONTRACTS,
    lifecycle=LIFE,
)
PAGES = shaped(id=TEXTS, tokenlab=SAID, lemondata=SAID)
KNOWN = st.dictionaries(st.sampled_from(["size", "quality"]), st.sampled_from(["1:1", "hd"]), min_size=1, max_size=2)
WHEN = KNOWN | st.dictionaries(st.sampled_from(["size", "quality", "n", "No"]), TEXTS, max_size=2)
VARIANTS = st.lists(shaped(when=WHEN, per_request=st.just("0.08")), max_size=3)
PRICINGS = shaped(per_request=st.just("0.04"), currency=st.just("USD"), variants=VARIANTS, input_per_1m=st.just("5"))
PRICES = shaped(data=st.lists(shaped(model=st.sampled_from(["m", "x"]), pricing=PRICINGS), max_size=2))
LISTS = shaped(data=st.lists(shaped(id=st.sampled_from(["m", "x", "y"]), tokenlab=SAID), max_size=3))
NAME = r"[a-z][a-z0-9_]{0,39}"


def check_offer(model: OfferedModel) -> None:
    """Check that the model can be stored, shown and sent."""

    def is_plain(text: str, limit: int) -> bool:
        text.encode()  # no lone surrogates: databases refuse them
        return len(text) <= limit and len(text.splitlines()) <= 1 and "\x00" not in text and KEY not in text

    assert is_plain(model.id, 100)
    assert model.id
    assert is_plain(model.description, 500)
    assert model.prompt_limit is None or 1 <= model.prompt_limit <= 1_000_000
    names = [one.name for one in model.options] + list(model.parameters)
    assert len(names) <= 20
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(NAME, name) and name not in RESERVED for name in names)
    for one in model.options:
        assert is_plain(one.label, 100)
        assert 1 <= len(one.choices) == len(set(one.choices)) <= 50
        assert all(choice and is_plain(choice, 100) for choice in one.choices)
        assert one.default in ("", *one.choices)
    for price in [model.price, *(price for _, price in model.prices), *model.token_prices.values()]:
        assert price is None or (price.is_finite() and 0 <= price < 1_000_000 and len(str(price)) < 20)
    for when, _ in model.prices:
        assert when
        assert all(re.fullmatch(NAME, name) and name not in RESERVED for name in when)
        assert all(is_plain(choice, 100) for choice in when.values())
    assert all(re.fullmatch(r"/[a-z0-9_/-]+", path) for path in model.endpoints.values())
    assert all(is_plain(text, 500) for text in (*model.notes, *model.problems))
    assert all(is_plain(value, 300) for value in model.lifecycle.values() if isinstance(value, str))


def hide(text: str) -> str:
    return text.replace(KEY, "sk-…")


def test_random_json_is_an_offer() -> None:
    reached: set[str] = set()

    # It takes so many to reach all fields.
    @cases(1_000, nightly=5_000)
    @given(PAGES, PRICES)
    def check(said: Any, prices: Any) -> None:
        pricing = pricing_in(prices, "m")
        model = offered_model("m", [said], [pricing] if pricing else [], hide)
        check_offer(model)
        names = ("options", "parameters", "prices", "description", "endpoints", "edits", "prompt_limit", "price")
        reached.update(name for name in (*names, "lifecycle", "token_prices", "notes") if getattr(model, name))

    check()
    assert len(reached) == 11, f"the documents reach every field: {reached}"


def test_random_json_is_a_list_or_an_upstream_error() -> None:
    outcomes: set[str] = set()

    @cases(200, nightly=3_000)
    @given(LISTS)
    def check(document: Any) -> None:
        try:
            rows, _ = offered_rows(document, hide)
        except MalformedAnswer:
            outcomes.add("malformed")
            return
        outcomes.add("models" if rows else "none")
        for name in rows:
            check_offer(OfferedModel(name))

    check()
    assert outcomes == {"malformed", "models", "none"}


def test_nonsense_of_a_server_raises_upstream_errors_only(stub: StubUpstream, client: Client) -> None:
    """The same over the wire, in all three answers of one server."""
    outcomes: set[str] = set()

    @cases(60, nightly=600)
    @given(LISTS, PAGES, PRICES)
    def check(listed: Any, said: Any, prices: Any) -> None:
        stub.handler = serving(Reply.of_json(listed), lambda name: Reply.of_json(said), Reply.of_json(prices))
        try:
            offered = client.catalogue().models
        except UpstreamError:
            outcomes.add("error")
            return
        outcomes.add("offered" if offered else "none")
        for model in offered:
            check_offer(model)

    check()
    assert outcomes == {"error", "offered", "none"}
