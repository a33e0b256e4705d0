"""A catalogue of random JSON is read, or refused with an upstream error."""

import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream import (
    Client,
    MalformedAnswer,
    OfferedModel,
    UpstreamError,
)
from gallery.upstream.catalogue import offered_model, offered_rows
from gallery.upstream.catalogue_prices import pricing_in
from tests.support.properties import cases
from tests.support.stub_upstream import Reply, StubUpstream
from tests.upstream.catalogue_pages import RESERVED, serving
from tests.upstream.helpers import KEY

ALL_OPERATIONS = ("text-to-image", "image-to-image", "image-edit")

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
