"""What the client makes of a server's catalogue: the sandbox's, one that tells ids alone, and any nonsense."""

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

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
from gallery.upstream.parse import contract_in, offered_model, offered_rows, pricing_in
from tests.sandbox.conftest import launch
from tests.support.properties import cases
from tests.support.stub_upstream import Reply, Request, StubUpstream

KEY = "sk-0123456789abcdefSECRET"
SIZE = OfferedOption("size", "Size", ("1024x1024", "512x512"), "1024x1024")
SIZE_REST = (SIZE.choices, SIZE.default)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def stub() -> Iterator[StubUpstream]:
    with StubUpstream() as stub:
        yield stub


@pytest.fixture
def client(stub: StubUpstream) -> Iterator[Client]:
    client = Client(stub.base_url, KEY, connect_timeout=5, poll_read_timeout=20)
    yield client
    client.close()


def row(name: str, category: object = "image") -> dict[str, Any]:
    return {"id": name, "object": "model", "lemondata": {"category": category, "pricing_unit": "per_request"}}


def page(**contract: Any) -> dict[str, Any]:
    return {"id": "m", "lemondata": {"category": "image", "public_contract": contract}}


def priced(name: str, **pricing: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"model": name, "pricing": pricing, "provider": "x"}]}


def serving(
    rows: Any, page_of: Callable[[str], Any] = lambda name: page(), price_of: Callable[[str], Any] | None = None
) -> Callable[[Request], Any]:
    """A server with this list, and these answers for one model each."""

    def answer(request: Request) -> Any:
        parts = urlsplit(request.path)
        if parts.path == "/v1/models":
            return {"object": "list", "data": rows} if isinstance(rows, list) else rows
        if parts.path == "/v1/pricing":
            (name,) = parse_qs(parts.query)["model"]
            return price_of(name) if price_of else priced(name, per_request=None)
        return page_of(unquote(parts.path.removeprefix("/v1/models/")))

    return answer


def refusal(status: int, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    return Reply.of_json({"error": {"code": code, "message": "no"}}, status, headers=headers or {})


# A server that tells everything


def test_the_sandbox_s_catalogue_is_read_whole(tmp_path: Any) -> None:
    process, line = launch(LEMONSTUDIO_SANDBOX_SECRET="s", LEMONSTUDIO_DATA=str(tmp_path))
    try:
        client = Client(line.split()[-1], "sk-sandbox", connect_timeout=10)
        offered = {model.id: model for model in client.catalogue()}
        client.close()
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert list(offered) == [
        "dall-e-3",
        "dall-e-2",
        "flux-pro",
        "flux-schnell",
        "midjourney",
        "ideogram-v3",
        "stable-diffusion-3",
        "gpt-image-2",
        "nano-banana-pro",
    ]
    assert offered["dall-e-3"] == OfferedModel(
        id="dall-e-3",
        description="Best quality; rewrites the prompt. Misty landscapes.",
        max_count=1,
        options=(
            OfferedOption("size", "Size", ("1024x1024", "1792x1024", "1024x1792"), "1024x1024"),
            OfferedOption("quality", "Quality", ("standard", "hd"), "standard"),
            OfferedOption("style", "Style", ("vivid", "natural"), "vivid"),
        ),
        edits=False,
        variations=False,
        prompt_limit=4000,
        price=Decimal("0.04"),
        prices=(
            ({"quality": "hd", "size": "1792x1024"}, Decimal("0.12")),
            ({"quality": "hd", "size": "1024x1792"}, Decimal("0.12")),
            ({"quality": "hd"}, Decimal("0.08")),
        ),
    )
    assert offered["gpt-image-2"].options[1:] == (
        OfferedOption("background", "Background", ("auto", "transparent", "opaque"), "auto"),
        OfferedOption("output_format", "File format", ("png", "jpeg", "webp"), "png"),
    )
    ratios = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4")
    assert offered["nano-banana-pro"].options == (
        OfferedOption("aspect_ratio", "Aspect ratio", ratios, "1:1"),
        OfferedOption("resolution", "Resolution", ("1k", "2k", "4k"), "1k"),
    )
    assert offered["nano-banana-pro"].prices == (({"resolution": "4k"}, Decimal("0.24")),)
    assert [name for name, model in offered.items() if model.edits] == ["dall-e-2", "gpt-image-2", "nano-banana-pro"]
    assert [name for name, model in offered.items() if model.variations] == ["dall-e-2"]
    assert offered["dall-e-2"].options[0].default == "1024x1024"
    assert (offered["flux-pro"].price, offered["flux-pro"].prices, offered["flux-pro"].max_count) == (None, (), 4)


def test_what_is_asked_for_and_how(stub: StubUpstream, client: Client) -> None:
    stub.handler = serving([row("a/b c?d#e"), row("dall-e-3")])
    assert [model.id for model in client.catalogue()] == ["a/b c?d#e", "dall-e-3"]
    assert [request.path for request in stub.requests] == [
        "/v1/models?category=image",
        "/v1/models/a%2Fb%20c%3Fd%23e",
        "/v1/pricing?model=a%2Fb%20c%3Fd%23e",
        "/v1/models/dall-e-3",
        "/v1/pricing?model=dall-e-3",
    ]
    assert {request.method for request in stub.requests} == {"GET"}
    assert {request.headers["authorization"] for request in stub.requests} == {f"Bearer {KEY}"}
    assert len({request.peer for request in stub.requests}) == 1


def test_a_contract_in_the_list_itself_saves_the_question(stub: StubUpstream, client: Client) -> None:
    listed = {"id": "m", **page(max_n=3, edits=True)}
    stub.handler = serving([listed], page_of=lambda name: refusal(500))
    (model,) = client.catalogue()
    assert (model.max_count, model.edits) == (3, True)
    assert [request.path for request in stub.requests] == ["/v1/models?category=image", "/v1/pricing?model=m"]


# Servers that tell less


def test_a_server_of_the_openai_kind_tells_ids_alone(stub: StubUpstream, client: Client) -> None:
    names = [f"model-{number}" for number in range(40)]
    stub.handler = serving(
        [{"id": name, "object": "model", "owned_by": "me"} for name in names],
        page_of=lambda name: {"id": name, "object": "model"},
        price_of=lambda name: Reply(404, b"<h1>Not Found</h1>"),
    )
    assert client.catalogue() == [OfferedModel(name) for name in names]
    assert OfferedModel("x") == OfferedModel(
        id="x",
        description="",
        max_count=None,
        options=(),
        edits=None,
        variations=None,
        prompt_limit=None,
        price=None,
        prices=(),
    )
    assert len(stub.requests) == 1 + 3 + 3, "it is soon plain that there is nothing more to be had"


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
def test_details_and_prices_that_cannot_be_had_are_not_said(stub: StubUpstream, client: Client, useless: Reply) -> None:
    names = ["a", "b", "c", "d", "e"]
    stub.handler = serving([row(name) for name in names], lambda name: useless, lambda name: useless)
    assert client.catalogue() == [OfferedModel(name) for name in names]


def test_a_model_whose_page_fails_spoils_no_other(stub: StubUpstream, client: Client) -> None:
    names = [f"m{number}" for number in range(9)]
    stub.handler = serving(
        [row(name) for name in names],
        lambda name: refusal(500) if name != "m8" else page(max_n=2),
        lambda name: refusal(404, "model_not_found") if name in ("m0", "m1", "m3") else priced(name, per_request="0.5"),
    )
    offered = client.catalogue()
    assert [model.max_count for model in offered] == [None] * 8 + [2]
    assert [model.price for model in offered] == [None, None, Decimal("0.5"), None, *[Decimal("0.5")] * 5]


@pytest.mark.parametrize(
    ("contract", "options"),
    [
        ({}, ()),
        ({"sizes": ["1024x1024", "512x512"], "default_size": "1024x1024"}, (SIZE,)),
        ({"sizes": ["1024x1024", "512x512"]}, (SIZE,)),
        (
            {"sizes": [], "default_size": None, "quality": ["standard", "hd"], "style": []},
            (OfferedOption("quality", "Quality", ("standard", "hd"), "standard"),),
        ),
        ({"options": [], "sizes": ["1024x1024"]}, ()),
        ({"options": None, "sizes": ["1024x1024", "512x512"]}, (SIZE,)),
    ],
)
def test_a_contract_without_options_has_a_field_for_each(
    contract: dict[str, Any], options: tuple[OfferedOption, ...]
) -> None:
    assert offered_model("m", contract, None).options == options


RESERVED = ("model", "prompt", "n", "user", "response_format", "image", "mask")
NO_NAMES: list[Any] = ["", "Size", "9size", "si-ze", "größe", "s" * 41, "size\n", 7, None, []]


def option(**more: Any) -> dict[str, Any]:
    return {"name": "size", "label": "Size", "choices": ["1024x1024", "512x512"], "default": "1024x1024", **more}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in option().items() if key != name}


@pytest.mark.parametrize(
    ("given_options", "expected"),
    [
        ([option()], (SIZE,)),
        ([option(unknown=7)], (SIZE,)),
        ([without("label")], (SIZE,)),
        ([option(label=7)], (SIZE,)),
        ([option(label="  \n ")], (SIZE,)),
        ([without("default")], (SIZE,)),
        ([option(default="2048x2048")], (SIZE,)),
        ([option(default=["512x512"])], (SIZE,)),
        ([option(default="512x512")], (OfferedOption("size", "Size", SIZE.choices, "512x512"),)),
        ([without("name")], ()),
        ([without("choices")], ()),
        ([option(choices=[])], ()),
        ([option(choices="1024x1024")], ()),
        ([option(choices={"1024x1024": 1})], ()),
        ([option(choices=["1024x1024", 7, None, True, ["x"], "", "a\nb", "x" * 101, "512x512", "1024x1024"])], (SIZE,)),
        ([option(choices=[7, 8])], ()),
        ([option(), option(choices=["other"])], (SIZE,)),
        ([7, None, [], "size", option()], (SIZE,)),
        ([option(name="aspect_ratio", label=None)], (OfferedOption("aspect_ratio", "Aspect ratio", *SIZE_REST),)),
        *[([option(name=name)], ()) for name in RESERVED],
        *[([option(name=name)], ()) for name in NO_NAMES],
        ([option(name="s" * 40, label="S")], (OfferedOption("s" * 40, "S", *SIZE_REST),)),
    ],
)
def test_options_that_make_no_sense_are_left_out(given_options: Any, expected: tuple[OfferedOption, ...]) -> None:
    assert offered_model("m", {"options": given_options}, None).options == expected


def test_labels_and_descriptions_are_one_clean_line() -> None:
    model = offered_model(
        "m",
        {"description": " a\x00b\x1b[1m\n\n  c\u2028 " + "x" * 900, "options": [option(label="Si\tze" + "e" * 300)]},
        None,
    )
    assert model.description.startswith("ab[1m c x")
    assert len(model.description) == 500
    assert model.options[0].label.startswith("Si zee")
    assert len(model.options[0].label) == 100


@pytest.mark.parametrize(
    ("value", "number"),
    [(4, 4), (1, 1), (4.0, 4), *[(one, None) for one in (0, -1, "4", True, None, [4], math.nan, math.inf, 10**9)]],
)
def test_numbers_that_make_no_sense_are_not_said(value: Any, number: int | None) -> None:
    model = offered_model("m", {"max_n": value, "prompt_limit": value}, None)
    assert (model.max_count, model.prompt_limit) == (number, number)


@pytest.mark.parametrize("value", [0, 1, "true", None, [], {}])
def test_what_is_no_yes_or_no_is_not_said(value: Any) -> None:
    model = offered_model("m", {"edits": value, "variations": value}, None)
    assert (model.edits, model.variations) == (None, None)


@pytest.mark.parametrize(
    ("value", "price", "written"),
    [
        ("0.04", Decimal("0.04"), "0.04"),
        (0.04, Decimal("0.04"), "0.04"),
        ("0.0400", Decimal("0.04"), "0.04"),
        ("100", Decimal(100), "100"),
        (0, Decimal(0), "0"),
        ("0.0000004", Decimal(0), "0"),
        *[(one, None, "None") for one in (None, "", "free", "-1", -0.01, True, "NaN", math.inf, "1e9", [1], 10**7)],
    ],
)
def test_prices(value: Any, price: Decimal | None, written: str) -> None:
    offered = offered_model("m", None, {"per_request": value, "currency": "USD"})
    assert (offered.price, str(offered.price)) == (price, written)


def test_a_price_in_another_currency_is_none_in_dollars() -> None:
    variants = [{"when": {"quality": "hd"}, "per_request": "8"}]
    other = offered_model("m", None, {"per_request": "4", "variants": variants, "currency": "CNY"})
    assert (other.price, other.prices) == (None, ())
    unsaid = offered_model("m", None, {"per_request": "4", "variants": variants})
    assert (unsaid.price, unsaid.prices) == (Decimal(4), (({"quality": "hd"}, Decimal(8)),))


def test_prices_by_option_come_with_the_most_particular_first() -> None:
    rows: list[Any] = [
        {"when": {"quality": "hd"}, "per_request": "0.08", "unknown": 1},
        {"when": {"quality": "hd", "size": "1792x1024"}, "per_request": "0.12"},
        {"when": {"style": "vivid"}, "per_request": 0.05},
    ]
    nonsense = [
        None,
        7,
        {},
        {"when": {}, "per_request": "1"},
        {"when": "hd", "per_request": "1"},
        {"when": {"quality": "hd"}},
        {"when": {"quality": "hd"}, "per_request": "dear"},
        {"when": {"quality": 7}, "per_request": "1"},
        {"when": {"Quality": "hd"}, "per_request": "1"},
        {"when": {"n": "2"}, "per_request": "1"},
        {"when": {"quality": "x" * 101}, "per_request": "1"},
        {"when": {f"o{number}": "x" for number in range(21)}, "per_request": "1"},
    ]
    assert offered_model("m", None, {"variants": [*nonsense, *rows]}).prices == (
        ({"quality": "hd", "size": "1792x1024"}, Decimal("0.12")),
        ({"quality": "hd"}, Decimal("0.08")),
        ({"style": "vivid"}, Decimal("0.05")),
    )


def test_the_price_of_the_model_that_was_asked_about() -> None:
    rows = [{"model": "other", "pricing": {"per_request": "9"}}, {"model": "m", "pricing": {"per_request": "1"}}]
    assert pricing_in({"data": rows}, "m") == {"per_request": "1"}
    assert pricing_in({"data": rows[:1]}, "m") is None
    assert pricing_in({"data": [{"pricing": {"per_request": "2"}}]}, "m") == {"per_request": "2"}


# Lists


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([], []),
        ([row("a"), row("b", "chat"), row("c", None), row("d", 7), {"id": "e", "lemondata": 7}], ["a", "c", "d", "e"]),
        ([row("a"), row("a"), {"id": "a"}], ["a"]),
        ([None, 7, "x", [], {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": ["a"]}], []),
        ([{"id": "x" * 101}, {"id": "a\nb"}, {"id": " a"}, {"id": "\ud800"}, {"id": "x" * 100}], ["x" * 100]),
    ],
)
def test_ids_that_can_be_used(stub: StubUpstream, client: Client, rows: list[Any], names: list[str]) -> None:
    stub.handler = serving(rows)
    assert [model.id for model in client.catalogue()] == names


def test_a_bare_list_is_one_too() -> None:
    assert list(offered_rows([{"id": "a"}])) == ["a"]


def test_an_endless_catalogue_has_an_end(stub: StubUpstream, client: Client) -> None:
    choices = [str(one) for one in range(500)]
    told = Reply.of_json(page(options=[option(name=f"o{number}", choices=choices[:60]) for number in range(150)]))
    variants = [{"when": {"o": choice}, "per_request": "1"} for choice in choices]
    stub.handler = serving(
        [row(f"m{number}") for number in range(5_000)], lambda name: told, lambda name: priced(name, variants=variants)
    )
    offered = client.catalogue()
    assert (len(offered), len(stub.requests)) == (200, 401)
    assert {len(model.options) for model in offered} == {20}
    assert {len(one.choices) for model in offered for one in model.options} == {50}
    assert {len(model.prices) for model in offered} == {100}


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
        (Reply(how="truncate", body=b'{"data": []}'), OutcomeUnknown, "connection_lost"),
    ],
)
def test_without_a_list_there_is_an_error(
    stub: StubUpstream, client: Client, answer: Reply, kind: type[UpstreamError], code: str
) -> None:
    stub.handler = serving(answer)
    with pytest.raises(kind) as caught:
        client.catalogue()
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1


def test_nobody_there_is_an_error_too() -> None:
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
def test_half_a_catalogue_is_not_taken_for_the_whole(
    stub: StubUpstream, answer: Reply, kind: type[UpstreamError], at: str
) -> None:
    stub.handler = serving(
        [row("a"), row("b"), row("c")],
        lambda name: answer if at == "page" and name == "b" else page(),
        lambda name: answer if at == "price" and name == "b" else priced(name),
    )
    with pytest.raises(kind):
        Client(stub.base_url, KEY, connect_timeout=5, poll_read_timeout=1).catalogue()


def test_a_server_that_takes_its_time_for_each_meets_the_deadline(stub: StubUpstream) -> None:
    stub.handler = serving([row(f"m{number}") for number in range(200)], lambda name: Reply.of_json(page(), delay=0.1))
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, connect_timeout=5, catalogue_time=1.0).catalogue()
    assert (caught.value.code, caught.value.retryable) == ("catalogue_too_slow", True)
    assert len(stub.requests) < 100


def test_when_the_time_is_up_nothing_more_is_asked(stub: StubUpstream) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, catalogue_time=0.0).catalogue()
    assert (caught.value.code, stub.requests) == ("catalogue_too_slow", [])


def test_an_answer_that_drips_meets_the_deadline_as_well(stub: StubUpstream) -> None:
    stub.handler = serving([row("a")], lambda name: Reply(200, b" " * 4_000, how="drip", every=0.05))
    with pytest.raises(OutcomeUnknown) as caught:
        Client(stub.base_url, KEY, connect_timeout=5, catalogue_time=1.0).catalogue()
    assert caught.value.code == "catalogue_too_slow"


def test_the_key_is_in_nothing_that_is_offered(stub: StubUpstream, client: Client) -> None:
    told = f"Made for {KEY}."
    stub.handler = serving(
        [row("a"), row(KEY)],
        lambda name: page(description=told, options=[option(label=told, choices=[told, KEY, "plain"])]),
        lambda name: priced(name, variants=[{"when": {"size": KEY}, "per_request": "1"}]),
    )
    offered = client.catalogue()
    assert len(offered) == 2
    assert KEY not in repr(offered)
    assert "sk-…" in offered[0].description
    with_short_key = offered_model(
        "m", {"description": "by s3cret", "options": [option(choices=["s3cret", "a"])]}, None
    )
    hidden = offered_model(
        "m", {"description": "by s3cret", "options": [option(choices=["s3cret", "a"])]}, None, lambda text: text[:0]
    )
    assert with_short_key.options[0].choices == ("s3cret", "a")
    assert (hidden.description, hidden.options) == ("", ())


# Whatever JSON comes in

# fmt: off
TEXTS = st.sampled_from([
    "", " ", "image", "chat", "m", "size", "1024x1024", "512x512", "model", "n", "hd", "0.04", "-1", "NaN", "1e999",
    "USD", "CNY", "a\nb", "\x00", "\ud800", "x" * 9000, "sync", KEY,
])
LEAVES = st.one_of(
    TEXTS, st.sampled_from([None, True, False, 0, -1, 1, 4, 0.04, 10**400, math.nan, math.inf]), st.text(max_size=6)
)
FIELDS = st.sampled_from([
    "object", "data", "id", "lemondata", "category", "public_contract", "description", "mode", "max_n", "options",
    "name", "label", "choices", "default", "edits", "variations", "prompt_limit", "sizes", "default_size", "quality",
    "style", "model", "pricing", "per_request", "currency", "variants", "when", "size",
])
# fmt: on
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | TEXTS, inner, max_size=4), max_leaves=6
)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with all of these fields, with some of them and nonsense in others, or nonsense as a whole."""
    broken = {name: value | VALUES for name, value in fields.items()}
    return st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=broken) | VALUES


CHOICES = st.lists(TEXTS, max_size=4)
OPTION = shaped(name=st.sampled_from(["size", "quality", "n"]), label=TEXTS, choices=CHOICES, default=TEXTS)
CONTRACTS = shaped(
    description=TEXTS,
    max_n=st.just(4),
    options=st.lists(OPTION, max_size=3),
    edits=st.booleans(),
    variations=st.booleans(),
    prompt_limit=st.just(4000),
    sizes=CHOICES,
    default_size=TEXTS,
)
PAGES = shaped(id=TEXTS, lemondata=shaped(category=st.just("image"), public_contract=CONTRACTS))
WHEN = st.dictionaries(st.sampled_from(["size", "quality", "n", "No"]), TEXTS, max_size=2)
VARIANTS = st.lists(shaped(when=WHEN, per_request=st.just("0.08")), max_size=3)
PRICINGS = shaped(per_request=st.just("0.04"), currency=st.just("USD"), variants=VARIANTS)
PRICES = shaped(data=st.lists(shaped(model=st.sampled_from(["m", "x"]), pricing=PRICINGS), max_size=2))
LISTS = shaped(data=st.lists(shaped(id=st.sampled_from(["m", "x", "y"]), lemondata=PAGES), max_size=3))
NAME = r"[a-z][a-z0-9_]{0,39}"


def check_offer(model: OfferedModel) -> None:
    """That it can be stored, shown and sent."""

    def is_plain(text: str, limit: int) -> bool:
        text.encode()  # no lone surrogates: no database takes them
        return len(text) <= limit and len(text.splitlines()) <= 1 and "\x00" not in text and KEY not in text

    assert is_plain(model.id, 100)
    assert model.id
    assert is_plain(model.description, 500)
    assert model.max_count is None or 1 <= model.max_count <= 1_000
    assert model.prompt_limit is None or 1 <= model.prompt_limit <= 1_000_000
    assert model.edits in (None, True, False)
    assert model.variations in (None, True, False)
    assert len({one.name for one in model.options}) == len(model.options) <= 20
    for one in model.options:
        assert re.fullmatch(NAME, one.name)
        assert one.name not in RESERVED
        assert is_plain(one.label, 100)
        assert one.label
        assert 1 <= len(one.choices) == len(set(one.choices)) <= 50
        assert all(choice and is_plain(choice, 100) for choice in one.choices)
        assert one.default in one.choices
    for price in [model.price, *(price for _, price in model.prices)]:
        assert price is None or (price.is_finite() and 0 <= price < 1_000_000 and len(str(price)) < 20)
    for when, _ in model.prices:
        assert when
        assert all(re.fullmatch(NAME, name) and name not in RESERVED for name in when)
        assert all(is_plain(choice, 100) for choice in when.values())


def hide(text: str) -> str:
    return text.replace(KEY, "sk-…")


def test_any_json_is_an_offer() -> None:
    reached: set[str] = set()

    # So many until every field was reached.
    @cases(1_000, nightly=5_000)
    @given(PAGES, PRICES)
    def check(told: Any, prices: Any) -> None:
        contract, pricing = contract_in(told), pricing_in(prices, "m")
        model = offered_model("m", contract, pricing, hide)
        check_offer(model)
        reached.update(name for name in ("options", "prices", "description") if getattr(model, name))
        reached.update(
            name
            for name in ("max_count", "edits", "variations", "prompt_limit", "price")
            if getattr(model, name) is not None
        )

    check()
    assert len(reached) == 8, f"the documents reach every field: {reached}"


def test_any_json_is_a_list_or_an_upstream_error() -> None:
    outcomes: set[str] = set()

    @cases(200, nightly=3_000)
    @given(LISTS)
    def check(document: Any) -> None:
        try:
            rows = offered_rows(document, hide)
        except MalformedAnswer:
            outcomes.add("malformed")
            return
        outcomes.add("models" if rows else "none")
        for name in rows:
            check_offer(OfferedModel(name))

    check()
    assert outcomes == {"malformed", "models", "none"}


def test_a_server_that_tells_nonsense_is_met_with_nothing_but_upstream_errors(
    stub: StubUpstream, client: Client
) -> None:
    """The same over the wire, as three kinds of answer of one server."""
    outcomes: set[str] = set()

    @cases(60, nightly=600)
    @given(LISTS, PAGES, PRICES)
    def check(listed: Any, told: Any, prices: Any) -> None:
        stub.handler = serving(
            Reply.of_json(listed), lambda name: Reply.of_json(told), lambda name: Reply.of_json(prices)
        )
        try:
            offered = client.catalogue()
        except UpstreamError:
            outcomes.add("error")
            return
        outcomes.add("offered" if offered else "none")
        for model in offered:
            check_offer(model)

    check()
    assert outcomes == {"error", "offered", "none"}
