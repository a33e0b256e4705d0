"""What the upstream says of its models: their operations, options, prices and life.

Pure functions and one loop over a server's pages; no network of its own and no Django. The vendor has described its
models in two shapes, under two names, and prices in three; OpenAI-compatible servers list only ids.
What is not said or makes no sense is None or empty, and what was not understood is said in `problems`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import quote

from gallery.upstream.catalogue_prices import pricing_in, read_prices
from gallery.upstream.catalogue_values import (
    CHOICES_LIMIT,
    OPTIONS_LIMIT,
    is_option,
    is_plain,
    line_of,
    moment_of,
    object_in,
    share_of,
    texts_of,
    whole_number,
)
from gallery.upstream.errors import AccountProblem, MalformedAnswer, Refused, ServerTrouble
from gallery.upstream.fields import Hide, as_is, clean_text
from lemonstudio.marking import gettext_noop

MODELS_LIMIT = 200  # a request each
LEFT_OUT_LIMIT = 2_000
NOTES_LIMIT = 5

_NAMESPACES = ("tokenlab", "lemondata")  # the second is the older name, and an alias for a while
_DESCRIPTIONS = ("request_format_details", "public_contract")
_SUMMARIES = ("request_format_summary", "public_contract_summary")
# The vendor's words for what a request does, and the studio's.
_OPERATIONS = {"text-to-image": "generate", "image-to-image": "references", "image-edit": "edit"}
_LISTED = {"aspect_ratio": "aspect_ratios", "resolution": "resolutions", "output_format": "output_formats"}
_ALLOWED = {"aspect_ratio": "allowed_aspect_ratios", "resolution": "allowed_resolutions"}
# Two names for one field: the second is not sent.
_ALIASES = {"compression": "output_compression"}
_NO_PICTURES = re.compile(
    r"(^|[/_.-])(sora|veo|kling-(v|video)|runway|hailuo|wan\d?|seedance|pika|luma|vidu|hunyuan-video|video|t2v|i2v|whisper|tts|"
    r"speech|audio|suno|music|realtime|transcribe|embedding|embed|rerank|moderation|claude|llama|mistral|mixtral|qwen\d?|"
    r"deepseek|gpt-(3|4|5|oss)|o[134](-|$)|chatgpt|command|chat|instruct|coder)",
    re.IGNORECASE,
)
_ANSWERS_TEXT = re.compile(r"(^|[/_.-])describe(-|$)", re.IGNORECASE)
_SOME_PICTURES = re.compile(r"image|picture|img|t2i|i2i|imagine|banana", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OfferedOption:
    """A field of a request with what may stand in it; ``name`` is never one that every request has.

    Without ``operations`` it belongs to all of the model's. An empty ``default``: it may be left out. ``choices_for``
    has the operations with other choices.
    """

    name: str
    label: str
    choices: tuple[str, ...]  # one at least
    default: str = ""
    operations: tuple[str, ...] = ()
    choices_for: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """What the server tells of a model; None where it does not say.

    ``parameters`` are fields that it takes, but of which it does not say what may stand in them, with the operations
    that they belong to (none: all). ``endpoints`` has a path below the base URL for each operation. ``described`` says
    whether there was a description of its fields. ``required`` are fields that must be sent. ``address_fields`` has
    the field for the address of one picture and the one for several, for each operation that takes addresses.
    """

    id: str
    description: str = ""
    described: bool = False
    options: tuple[OfferedOption, ...] = ()
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    endpoints: dict[str, str] = field(default_factory=dict)
    address_fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    generates: bool | None = None
    edits: bool | None = None
    variations: bool | None = None
    masks: bool | None = None
    prompt_limit: int | None = None
    price: Decimal | None = None  # US dollars a picture
    prices: tuple[tuple[dict[str, str], Decimal], ...] = ()  # with these choices; the first row that fits counts
    token_prices: dict[str, Decimal] = field(default_factory=dict)  # US dollars per million, of "input" and "output"
    lifecycle: dict[str, Any] = field(default_factory=dict)
    success_rate: float | None = None  # of the last 24 hours, 0 to 1
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that is listed, but not for pictures, or that was not looked at."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OfferedCatalogue:
    models: tuple[OfferedModel, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


# -- asking


def read_catalogue(look_up: Callable[[str], object], hide: Hide = as_is) -> OfferedCatalogue:
    """The whole catalogue; ``look_up`` returns the JSON at a path below the base URL, or raises UpstreamError.

    Raises UpstreamError if there is no list, or if asking fails in a way that half a catalogue could be taken for the
    whole.
    """
    rows, left_out = offered_rows(look_up("/models?category=image"), hide)
    if not rows:
        return OfferedCatalogue((), tuple(left_out))
    details = _Asker(lambda name: _if_described(look_up(f"/models/{quote(name, safe='')}")))
    prices = _Prices(look_up)
    models = []
    for name, row in rows.items():
        page = row if _description_in(row, _DESCRIPTIONS) else details.ask(name) or row
        why = not_for_pictures(name, page, hide)
        if why:
            left_out.append(LeftOut(name, why))
        else:
            models.append(offered_model(name, [page, row], prices.of(name, page), hide))
    return OfferedCatalogue(tuple(models), tuple(left_out[:LEFT_OUT_LIMIT]))


class _Asker:
    """Asks for each model until it is plain that the server has no answers of this kind."""

    PATIENCE = 3

    def __init__(self, look_up: Callable[[str], Any]) -> None:
        self._look_up = look_up
        self._in_vain = 0

    def ask(self, name: str) -> Any:
        if self._in_vain >= self.PATIENCE:
            return None
        try:
            found = self._look_up(name)
        except ServerTrouble:
            return None  # of this one model; says nothing about the next
        except (Refused, AccountProblem, MalformedAnswer):
            found = None
        # Once one was described, the next may be: one that is not has only no description of its own.
        self._in_vain = 0 if found is not None else self._in_vain + 1
        return found


class _Prices:
    """The prices of one model after the other: from the list of all, else from what is told of each."""

    def __init__(self, look_up: Callable[[str], object]) -> None:
        self._all = _Asker(lambda path: look_up(path)).ask("/pricing")
        self._each = _Asker(lambda name: pricing_in(look_up(f"/models/{quote(name, safe='')}/pricing"), name))
        self._asked = _Asker(lambda name: pricing_in(look_up(f"/pricing?model={quote(name, safe='')}"), name))

    def of(self, name: str, page: object) -> list[Mapping[str, Any]]:
        """What is said of its prices, the most particular first."""
        listed = pricing_in(self._all, name)
        own = namespace_of(page)
        if listed is not None and not own.get("has_complex_pricing") and not listed.get("has_complex_pricing"):
            return [listed, own]
        found = self._each.ask(name)
        if found is None and listed is None:
            found = self._asked.ask(name)
        return [one for one in (found, listed, own) if one is not None]


def _if_described(document: object) -> object:
    """The document, if it says anything of a model beyond its id."""
    return document if namespace_of(document) else None


# -- lists and descriptions


def offered_rows(document: object, hide: Hide = as_is) -> tuple[dict[str, object], list[LeftOut]]:
    """What GET /models lists, by id and in its order, and what of it is not for pictures or is too much.

    Raises MalformedAnswer if it is no list.
    """
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise MalformedAnswer(gettext_noop("The server's answer holds no list of models."), retryable=True)
    found: dict[str, object] = {}
    left_out: dict[str, LeftOut] = {}
    for row in rows:
        name = row.get("id") if isinstance(row, dict) else None
        if not is_plain(name, hide) or name in found or name in left_out:
            continue
        if why := not_for_pictures(name, row, hide):
            left_out[name] = LeftOut(name, why)
        else:
            found[name] = row
    for name in islice(found, MODELS_LIMIT, None):
        left_out[name] = LeftOut(name, gettext_noop("the list has more than %(most)s models") % {"most": MODELS_LIMIT})
    return dict(islice(found.items(), MODELS_LIMIT)), list(left_out.values())[:LEFT_OUT_LIMIT]


def not_for_pictures(name: str, row: object, hide: Hide = as_is) -> str:
    """Why a model is none that makes pictures; "" if it may be one."""
    told = namespace_of(row)
    category = told.get("category") or (row.get("category") if isinstance(row, dict) else None)
    operations = _operations(told, hide)
    if isinstance(category, str) and category and category.lower() != "image":
        return gettext_noop("it is for %(what)s") % {"what": line_of(category, 40, hide)}
    if operations and not set(operations) & set(_OPERATIONS):
        return gettext_noop("it is for %(what)s") % {"what": clean_text(", ".join(operations), 80)}
    if _ANSWERS_TEXT.search(name) and not operations:
        return gettext_noop("it answers with text")
    if not isinstance(category, str) and not operations:
        capabilities = told.get("capabilities")
        if isinstance(capabilities, list) and capabilities and "image" not in capabilities:
            return gettext_noop("its capabilities do not name pictures")
        if _NO_PICTURES.search(name) and not _SOME_PICTURES.search(name):
            return gettext_noop("its name is not that of a model for pictures")
    return ""


def namespace_of(document: object) -> dict[str, Any]:
    """The vendor's own part of a model's row or page; empty if there is none."""
    return next((inner for name in _NAMESPACES if (inner := object_in(document, name))), {})


def _description_in(document: object, names: Iterable[str]) -> dict[str, Any]:
    told = namespace_of(document)
    return next((inner for name in names if (inner := object_in(told, name))), {})


def _operations(told: Mapping[str, Any], hide: Hide = as_is) -> list[str]:
    """The vendor's words for what a model can do, from wherever they stand."""
    places = [told, *(object_in(told, name) for name in (*_DESCRIPTIONS, *_SUMMARIES))]
    for place in places:
        for name in ("public_operations", "supported_operations"):
            if words := texts_of(place.get(name), hide):
                return list(words)
    return []


def offered_model(
    name: str, pages: Iterable[object], pricing: Iterable[Mapping[str, Any]] = (), hide: Hide = as_is
) -> OfferedModel:
    """One model from what is told of it, the most particular page first. Returns and never raises."""
    pages = list(pages)
    told = next((found for page in pages if (found := namespace_of(page))), {})
    contract = next((found for page in pages if (found := _description_in(page, _DESCRIPTIONS))), {})
    summary = next((found for page in pages if (found := _description_in(page, _SUMMARIES))), {})
    described = bool(texts_of(contract.get("supported_parameters")) or contract.get("operation_constraints"))
    words = _operations({**told, **contract}, hide) or _operations(told, hide) or _operations(summary, hide)
    known = [word for word in words if word in _OPERATIONS]
    problems = [
        gettext_noop("The studio does not know its operation “%(operation)s”.") % {"operation": word}
        for word in words
        if word not in _OPERATIONS
    ]
    facts = {_OPERATIONS[word]: _facts(word, contract or summary) for word in known}
    if "references" in facts and "edit" not in facts:
        facts["edit"] = facts["references"]
    elif "edit" in facts:
        facts["references"] = facts["edit"]
    options, parameters, differing = _options(facts, contract, hide) if described else ((), {}, [])
    problems += differing
    endpoints = {one: path for one, fact in facts.items() if (path := fact.endpoint)}
    limits = object_in(contract, "service_limits")
    prices = read_prices(list(pricing), told, hide)
    return OfferedModel(
        id=name,
        description=line_of(told.get("description"), 500, hide),
        described=described,
        options=options,
        parameters=parameters,
        required=tuple(one for one in texts_of(contract.get("required_selectors"), hide) if is_option(one)),
        endpoints=endpoints,
        address_fields={one: fields for one, fact in facts.items() if (fields := _address_fields(fact))},
        generates="generate" in facts if known else None,
        edits="edit" in facts if known else None,
        variations=True if any(path.endswith("/variations") for path in endpoints.values()) else None,
        masks="mask" in facts["edit"].parameters if described and "edit" in facts else None,
        prompt_limit=whole_number(limits.get("prompt_max_characters"), 1_000_000) or None,
        price=prices.price,
        prices=prices.rows,
        token_prices=prices.tokens,
        lifecycle=_lifecycle(told, hide),
        success_rate=share_of(object_in(object_in(told, "agent_preferences"), "image").get("success_rate_24h")),
        notes=_notes(contract, hide),
        problems=(*problems[:NOTES_LIMIT], *prices.problems),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the contract says of one operation."""

    parameters: tuple[str, ...]
    choices: dict[str, tuple[str, ...]]
    endpoint: str


def _facts(word: str, contract: Mapping[str, Any]) -> _Facts:
    rows = contract.get("operation_constraints")
    row = next(
        (
            row
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and row.get("operation") == word
        ),
        {},
    )
    by_operation = object_in(contract, "request_endpoint_by_operation")
    endpoint = row.get("request_endpoint") or by_operation.get(word) or contract.get("request_endpoint")
    choices = {
        name: texts_of(row.get(_ALLOWED.get(name, ""))) or texts_of(contract.get(general))
        for name, general in _LISTED.items()
    }
    parameters = texts_of(row.get("supported_parameters")) or texts_of(contract.get("supported_parameters"))
    return _Facts(parameters, choices, _endpoint(endpoint))


def _address_fields(fact: _Facts) -> tuple[str, str] | None:
    """The fields of a request for the address of one picture, and for a list of several; None without the latter."""
    several = next((name for name in ("image_urls", "reference_image_urls") if name in fact.parameters), "")
    one = "image_url" if "image_url" in fact.parameters else several
    return (one, several) if several else None


def _endpoint(value: object) -> str:
    """A path below the API's base URL, which ends in /v1 itself; "" for what is none."""
    if not isinstance(value, str):
        return ""
    path = value.removeprefix("/v1")
    return path if re.fullmatch(r"/[a-z0-9_-]+(/[a-z0-9_-]+){0,5}", path) else ""


def _options(
    facts: Mapping[str, _Facts], contract: Mapping[str, Any], hide: Hide
) -> tuple[tuple[OfferedOption, ...], dict[str, tuple[str, ...]], list[str]]:
    """The options with their choices, the fields of unknown contents, and what could not be expressed."""
    required = texts_of(contract.get("required_selectors"))
    options: list[OfferedOption] = []
    parameters: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    names = dict.fromkeys(name for fact in facts.values() for name in fact.parameters)
    for name in islice((one for one in names if is_option(one)), OPTIONS_LIMIT):
        if _ALIASES.get(name) in names:
            continue
        taking = [one for one, fact in facts.items() if name in fact.parameters]
        choices = {
            one: tuple(text for text in facts[one].choices.get(name, ()) if is_plain(text, hide)) for one in taking
        }
        offered = choices[taking[0]]
        if not offered:
            parameters[name] = _all_or(taking, facts)
            continue
        told = [one for one in taking if choices[one]]
        if len(told) < len(taking):
            others = ", ".join(one for one in taking if one not in told)
            text = gettext_noop(
                "“%(name)s” has no choices for %(operations)s. It is left out there, and the upstream decides."
            )
            problems.append(text % {"name": name, "operations": others})
        others_for = {one: choices[one][:CHOICES_LIMIT] for one in told if choices[one] != offered}
        label = name.replace("_", " ").capitalize()
        default = offered[0] if name in required else ""
        options.append(OfferedOption(name, label, offered[:CHOICES_LIMIT], default, _all_or(told, facts), others_for))
    return tuple(options), parameters, problems


def _all_or(operations: list[str], facts: Mapping[str, _Facts]) -> tuple[str, ...]:
    return () if len(operations) == len(facts) else tuple(operations)


def _lifecycle(told: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    """Stage, reason, replacement, sunset_at; is_free and free_until. What is not said is not there."""
    life, commercial = object_in(told, "lifecycle"), object_in(told, "commercial")
    stage = line_of(life.get("stage") or told.get("status"), 20, hide).lower()
    found: dict[str, Any] = {
        "stage": stage if stage in ("active", "preview", "deprecated", "retired") else "",
        "reason": line_of(life.get("reason"), 300, hide),
        "replacement": name if is_plain(name := life.get("replacement_model"), hide) else "",
        "sunset_at": moment_of(life.get("sunset_at") or life.get("retired_at")),
        "is_free": commercial.get("user_charge_policy") == "free",
        "free_until": moment_of(commercial.get("free_until")),
    }
    if found["stage"] == "active":
        del found["stage"]
    return {name: value for name, value in found.items() if value}


def _notes(contract: Mapping[str, Any], hide: Hide) -> tuple[str, ...]:
    given = contract.get("notes")
    lines = (line_of(note, 300, hide) for note in (given if isinstance(given, list) else [given]))
    return tuple(islice((line for line in lines if line), NOTES_LIMIT))
