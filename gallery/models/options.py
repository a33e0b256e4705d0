"""What a model lets people choose: kinds of options, what each of them accepts, and which do not go together."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.models.numbers import plain, whole

PIXELS = re.compile(r"^(\d{2,5})x(\d{2,5})$")
ANY = "*"  # in a rule: any value at all, as long as there is one
LONGEST_TEXT = 4000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Fields of a request that the studio fills in, and what the vendor's API refuses or the studio cannot use.
RESERVED = frozenset(
    {"model", "prompt", "n", "user", "response_format", "image", "images", "mask", "image_url", "image_urls"}
    | {"reference_image_urls", "mask_url", "operation", "stream", "partial_images"}
)
_ABBREVIATIONS = frozenset({"hd", "png", "jpeg", "jpg", "webp", "gif", "svg", "avif", "1k", "2k", "4k", "8k"})


class Operation(StrEnum):
    """What a request does; an option may belong to some operations only."""

    GENERATE = "generate"
    EDIT = "edit"
    VARY = "vary"
    REFERENCES = "references"


class OptionKind(StrEnum):
    CHOICE = "choice"
    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    SIZE = "size"


_COMMON = {"name", "label", "kind", "default", "operations"}
_KEYS = {
    OptionKind.CHOICE: {"choices", "choices_for"},
    OptionKind.TEXT: {"maximum"},
    OptionKind.BOOLEAN: set(),
    OptionKind.INTEGER: {"minimum", "maximum"},
    OptionKind.DECIMAL: {"minimum", "maximum"},
    OptionKind.SIZE: {"choices", "step", "minimum", "maximum", "minimum_pixels", "maximum_pixels", "ratio"},
}
_SIZE_NUMBERS = ("step", "minimum", "maximum", "minimum_pixels", "maximum_pixels")
_BOOLEANS = {"true": gettext_lazy("Yes"), "false": gettext_lazy("No")}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a model lets a person choose; `name` is the field of the upstream request.

    All values are texts, as forms and rows keep them; `for_upstream` has the type that is sent. An empty `default`
    means that nothing is sent unless a person chooses. Without `operations`, it belongs to all of them. `minimum` and
    `maximum` are limits of a number, sides of a size in pixels, or (`maximum`) characters of a text. `ratio` is how
    many times longer the long side of a size may be than the short one. `choices_for` has the choices of those
    operations that have others than `choices`.
    """

    name: str
    label: str
    choices: tuple[str, ...] = ()
    default: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    kind: OptionKind = OptionKind.CHOICE
    operations: tuple[str, ...] = ()
    step: int = 1
    minimum_pixels: int | None = None
    maximum_pixels: int | None = None
    ratio: Decimal | None = None
    choices_for: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_number(self) -> bool:
        return self.kind in (OptionKind.INTEGER, OptionKind.DECIMAL)

    @property
    def is_typed(self) -> bool:
        """Whether a person types the value, rather than picks it."""
        return self.is_number or self.kind in (OptionKind.TEXT, OptionKind.SIZE)

    @property
    def picks(self) -> tuple[str, ...]:
        """The values that can be picked from a list."""
        return tuple(_BOOLEANS) if self.kind is OptionKind.BOOLEAN else self.choices

    def belongs_to(self, operation: str) -> bool:
        return not self.operations or operation in self.operations

    def for_operation(self, operation: str) -> "Option":
        """The option with the choices of this operation. A default that is not among them is none."""
        choices = dict(self.choices_for).get(operation)
        if choices is None:
            return self
        return replace(self, choices=choices, default=self.default if self.default in choices else "", choices_for=())

    def accepts(self, value: str) -> bool:
        """Whether this may be sent as its value."""
        return bool(value) and not self.problem_with(value)

    def problem_with(self, value: str) -> str:
        """What is wrong with a value, as a sentence; "" if it may be sent."""
        match self.kind:
            case OptionKind.TEXT:
                longest = int(self.maximum or LONGEST_TEXT)
                return (
                    ""
                    if len(value) <= longest
                    else (
                        _("%(value)s characters are too many; %(longest)s is the most.")
                        % {"value": whole(len(value)), "longest": whole(longest)}
                    )
                )
            case OptionKind.SIZE:
                return "" if value in self.choices else self._problem_with_size(value)
            case OptionKind.INTEGER | OptionKind.DECIMAL:
                return self._problem_with_number(value)
            case _:
                return "" if value in self.picks else (_("“%(value)s” is not one of the choices.") % {"value": value})

    def _problem_with_number(self, value: str) -> str:
        pattern = r"-?\d{1,18}" if self.kind is OptionKind.INTEGER else r"-?\d{1,12}(\.\d{1,6})?"
        if not re.fullmatch(pattern, value):
            return _("Enter a whole number.") if self.kind is OptionKind.INTEGER else _("Enter a number such as 3.5.")
        if self.minimum is not None and Decimal(value) < self.minimum:
            return _("%(minimum)s is the least.") % {"minimum": plain(self.minimum)}
        if self.maximum is not None and Decimal(value) > self.maximum:
            return _("%(maximum)s is the most.") % {"maximum": plain(self.maximum)}
        return ""

    def _problem_with_size(self, value: str) -> str:
        match = PIXELS.match(value)
        if not match:
            return _("Enter a size such as 1024x1024.")
        width, height = int(match[1]), int(match[2])
        short, long = sorted((width, height))
        if width % self.step or height % self.step:
            return _("Both sides must be multiples of %(step)s.") % {"step": self.step}
        if self.minimum is not None and short < self.minimum:
            return _("Each side must have at least %(minimum)s pixels.") % {"minimum": plain(self.minimum)}
        if self.maximum is not None and long > self.maximum:
            return _("Each side may have at most %(maximum)s pixels.") % {"maximum": plain(self.maximum)}
        if self.ratio is not None and long > self.ratio * short:
            return _("The long side may be at most %(ratio)s times the short side.") % {"ratio": plain(self.ratio)}
        if self.minimum_pixels is not None and width * height < self.minimum_pixels:
            return _("The picture must have at least %(least)s pixels; this has %(pixels)s.") % {
                "least": whole(self.minimum_pixels),
                "pixels": whole(width * height),
            }
        if self.maximum_pixels is not None and width * height > self.maximum_pixels:
            return _("The picture may have at most %(most)s pixels; this has %(pixels)s.") % {
                "most": whole(self.maximum_pixels),
                "pixels": whole(width * height),
            }
        return ""

    def for_upstream(self, value: str) -> str | int | float | bool:
        """The value with the type that the upstream expects. A value of another time goes out as it is."""
        if not self.accepts(value):
            return value
        match self.kind:
            case OptionKind.BOOLEAN:
                return value == "true"
            case OptionKind.INTEGER:
                return int(value)
            case OptionKind.DECIMAL:
                return float(value)
            case _:
                return value

    @property
    def title(self) -> str:
        """The label as people read it: the usual ones are translated."""
        return _(self.label)

    def in_words(self, choice: str) -> str:
        """What a person reads for a value that the upstream reads."""
        if self.kind in (OptionKind.TEXT, OptionKind.INTEGER, OptionKind.DECIMAL):
            return choice
        if self.kind is OptionKind.BOOLEAN:
            return str(_BOOLEANS.get(choice, choice))
        if PIXELS.match(choice):
            return choice.replace("x", " × ")
        return choice.upper() if choice.lower() in _ABBREVIATIONS else _(choice.replace("_", " ").capitalize())


def option_from(row: Mapping[str, Any]) -> Option:
    """The option that a valid row of `ImageModel.options` describes."""
    kind = kind_of(row)
    default = row.get("default")
    return Option(
        row["name"],
        row["label"],
        tuple(row.get("choices", ())),
        str(default).lower() if isinstance(default, bool) else "" if default is None else str(default),
        _number(row.get("minimum")),
        _number(row.get("maximum")),
        kind,
        tuple(row.get("operations", ())),
        row.get("step") or 1,
        row.get("minimum_pixels"),
        row.get("maximum_pixels"),
        _number(row.get("ratio")),
        tuple((operation, tuple(choices)) for operation, choices in row.get("choices_for", {}).items()),
    )


def kind_of(row: Mapping[str, Any]) -> OptionKind:
    """Rows of earlier versions name no kind: they have choices, or the limits of a whole number."""
    kind = row.get("kind") or (OptionKind.CHOICE if "choices" in row else OptionKind.INTEGER)
    return OptionKind(kind)


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


# -- checking what an administrator or an import writes


def validate_options(value: Any) -> None:
    """Accept a list of options as docs/catalogue.md describes them; raise ValidationError otherwise."""
    if not isinstance(value, list):
        raise ValidationError(_("Options are a list."))
    names = set()
    for place, option in enumerate(value, start=1):
        if not isinstance(option, dict) or not {"name", "label"} <= set(option):
            raise ValidationError(
                _("Each option has a name and a label. Number %(place)s in the list has %(keys)s.")
                % {"place": place, "keys": keys_of(option)}
            )
        name = option["name"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValidationError(
                _("“%(name)s” is no field name: lower-case letters, digits and _ only.") % {"name": name}
            )
        if not isinstance(option["label"], str) or not option["label"].strip():
            raise ValidationError(_("The option “%(name)s” needs a label.") % {"name": name})
        if name in RESERVED:
            raise ValidationError(_("“%(name)s” is filled in by the studio itself.") % {"name": name})
        if name in names:
            raise ValidationError(_("The option “%(name)s” is there twice.") % {"name": name})
        names.add(name)
        _validate_option(name, option)


def _validate_option(name: str, option: dict[str, Any]) -> None:
    try:
        kind = kind_of(option)
    except ValueError:
        kinds = ", ".join(OptionKind)
        raise ValidationError(
            _("“%(kind)s” is no kind of option; “%(name)s” can be %(kinds)s.")
            % {"kind": option["kind"], "name": name, "kinds": kinds}
        ) from None
    if unknown := sorted(set(option) - _COMMON - _KEYS[kind]):
        raise ValidationError(
            _("“%(name)s” is of the kind %(kind)s, which has no “%(unknown)s”.")
            % {"name": name, "kind": kind, "unknown": unknown[0]}
        )
    operations = option.get("operations", [])
    if not isinstance(operations, list) or not set(operations) <= set(Operation):
        raise ValidationError(
            _("The operations of “%(name)s” are a list of %(operations)s.")
            % {"name": name, "operations": ", ".join(Operation)}
        )
    if "choices" in option or kind is OptionKind.CHOICE:
        _validate_choices(name, option.get("choices"))
    others = option.get("choices_for", {})
    if not isinstance(others, dict) or not set(others) <= set(operations or Operation):
        raise ValidationError(
            _("Other choices of “%(name)s” are an object with some of its operations.") % {"name": name}
        )
    for choices in others.values():
        _validate_choices(name, choices)
    _validate_limits(name, kind, option)
    default = option.get("default")
    if default in (None, ""):
        return
    if isinstance(default, bool) is not (kind is OptionKind.BOOLEAN):
        raise ValidationError(_("The default of “%(name)s” does not fit its kind.") % {"name": name})
    if problem := option_from(option).problem_with(option_from(option).default):
        if kind is OptionKind.CHOICE:
            raise ValidationError(_("The default of “%(name)s” is not among its choices.") % {"name": name})
        if kind in (OptionKind.INTEGER, OptionKind.DECIMAL):
            raise ValidationError(_("The default of “%(name)s” is not between its limits.") % {"name": name})
        raise ValidationError(
            _("The default of “%(name)s” does not fit: %(problem)s") % {"name": name, "problem": problem}
        )


def _validate_choices(name: str, choices: Any) -> None:
    if not isinstance(choices, list) or not choices or not all(isinstance(one, str) and one for one in choices):
        raise ValidationError(_("The choices of “%(name)s” are a list of texts, with one at least.") % {"name": name})
    if len(set(choices)) < len(choices):
        raise ValidationError(_("“%(name)s” has a choice twice.") % {"name": name})


def _validate_limits(name: str, kind: OptionKind, option: dict[str, Any]) -> None:
    is_whole = kind is not OptionKind.DECIMAL
    for key in ("minimum", "maximum", *_SIZE_NUMBERS):
        number = option.get(key)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int if is_whole else int | float):
            text = _("“%(name)s” needs whole numbers.") if is_whole else _("“%(name)s” needs numbers.")
            raise ValidationError(text % {"name": name})
        if kind in (OptionKind.SIZE, OptionKind.TEXT) and number < 1:
            raise ValidationError(_("“%(key)s” of “%(name)s” is 1 or more.") % {"key": key, "name": name})
    ratio = option.get("ratio")
    if ratio is not None and (isinstance(ratio, bool) or not isinstance(ratio, int | float) or ratio < 1):
        raise ValidationError(_("The ratio of “%(name)s” is a number from 1.") % {"name": name})
    for least, most in (("minimum", "maximum"), ("minimum_pixels", "maximum_pixels")):
        if option.get(least) is not None and option.get(most) is not None and option[least] > option[most]:
            raise ValidationError(_("The limits of “%(name)s” leave nothing between them.") % {"name": name})


def keys_of(item: object) -> str:
    if not isinstance(item, dict):
        return _("none of these")
    return ", ".join(str(key) for key in item) or "nothing"


def validate_prices(value: Any) -> None:
    """Accept a list of {"when": {option: choice, …}, "price": "0.08"}; raise ValidationError otherwise."""
    if not isinstance(value, list):
        raise ValidationError(_("Prices by option are a list."))
    for place, row in enumerate(value, start=1):
        if not isinstance(row, dict) or set(row) != {"when", "price"} or not isinstance(row["when"], dict):
            raise ValidationError(
                _(
                    "Each row has just “when”, the choices it is for, and “price”. Number %(place)s in the list has "
                    "%(keys)s."
                )
                % {"place": place, "keys": keys_of(row)}
            )
        if not row["when"] or not all(isinstance(one, str) for pair in row["when"].items() for one in pair):
            raise ValidationError(_("“when” names one option and its choice at least, all as texts."))
        if dollars(row["price"]) is None:
            raise ValidationError(
                _('“%(price)s” is no price; write it as a text such as "0.08".') % {"price": row["price"]}
            )


def dollars(value: object) -> Decimal | None:
    """An amount that is written as a text, from 0 to a million; None for anything else."""
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and 0 <= amount <= 1_000_000 else None


# -- which choices do not go together

Rule = dict[str, str | list[str]]


def validate_rules(value: Any) -> None:
    """Accept a list of {option: value, or list of values}; raise ValidationError otherwise."""
    if not isinstance(value, list):
        raise ValidationError(_("What does not go together is a list."))
    for row in value:
        if not isinstance(row, dict) or len(row) < 2 or not all(isinstance(name, str) for name in row):
            raise ValidationError(
                _(
                    'Each row names two options at least, such as {"background": "transparent", "output_format": '
                    '"jpeg"}.'
                )
            )
        for name, values in row.items():
            given = [values] if isinstance(values, str) else values
            if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
                raise ValidationError(_("The values of “%(name)s” are a text or a list of texts.") % {"name": name})


def broken_rule(rules: Collection[Rule], options: Mapping[str, str]) -> Rule | None:
    """The first rule whose values are all chosen; "" in a rule stands for an option that is not set."""
    return next((rule for rule in rules if all(_fits(options.get(name, ""), rule[name]) for name in rule)), None)


def _fits(value: str, wanted: str | list[str]) -> bool:
    values = [wanted] if isinstance(wanted, str) else wanted
    return value in values or (ANY in values and value != "")
