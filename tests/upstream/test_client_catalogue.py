"""How the client reads a server's catalogue: in the vendor's shapes, with ids only, and with nonsense.

The shapes are small excerpts, written by hand after the vendor's pages of March and July 2026.
"""

import math
from decimal import Decimal
from typing import Any

import pytest

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
from gallery.upstream.catalogue import LeftOut, not_for_pictures, offered_model, offered_rows
from gallery.upstream.catalogue_prices import pricing_in
from tests.sandbox.conftest import launch
from tests.support.stub_upstream import Reply, Request, StubUpstream
from tests.upstream.catalogue_pages import RATIOS, RESERVED, described, page, prices, refusal, serving
from tests.upstream.helpers import KEY

RATIO = OfferedOption("aspect_ratio", "Aspect ratio", RATIOS)


def row(name: str, category: object = "image", **said: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", "tokenlab": {"category": category, **said}}


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
