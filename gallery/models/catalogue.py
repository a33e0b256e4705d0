"""The models that people may pick from. What a model can do is data, so that a new one needs no code."""

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

_PIXELS = re.compile(r"^(\d{2,5})x(\d{2,5})$")
_CHOICE_KEYS = {"name", "label", "choices", "default"}
_NUMBER_KEYS = {"name", "label", "minimum", "maximum", "default"}
# Fields of a request that are no options of a model.
_FILLED_IN = frozenset({"model", "prompt", "n", "user", "response_format", "image", "mask"})


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a model lets a person choose; `name` is the field of the upstream request.

    Either one of some choices, or, where there are none, a whole number between two limits.
    """

    name: str
    label: str
    choices: tuple[str, ...]
    default: str
    minimum: int | None = None
    maximum: int | None = None

    @property
    def is_number(self) -> bool:
        return not self.choices

    def accepts(self, value: str) -> bool:
        """Whether this may be sent as its value."""
        if not self.is_number:
            return value in self.choices
        if not re.fullmatch(r"-?\d{1,12}", value):
            return False
        return (self.minimum is None or int(value) >= self.minimum) and (
            self.maximum is None or int(value) <= self.maximum
        )

    def for_upstream(self, value: str) -> str | int:
        return int(value) if self.is_number else value

    def in_words(self, choice: str) -> str:
        """What a person reads for a value that the upstream reads."""
        if _PIXELS.match(choice):
            return choice.replace("x", " × ")
        return choice.upper() if choice == "hd" else choice.replace("_", " ").capitalize()


def validate_options(value: Any) -> None:
    """Accept a list of {"name", "label", "choices": [text, …], "default"}; raise ValidationError otherwise.

    A number has "minimum" and "maximum" instead of choices.
    """
    if not isinstance(value, list):
        raise ValidationError("Options are a list.")
    names = set()
    for place, option in enumerate(value, start=1):
        if not isinstance(option, dict) or set(option) not in (_CHOICE_KEYS, _NUMBER_KEYS):
            raise ValidationError(
                "Each option has just name, label, choices and default; a number has minimum and maximum for choices. "
                f"Number {place} in the list has {_keys_of(option)}."
            )
        name = option["name"]
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            raise ValidationError(f"“{name}” is no field name: lower-case letters, digits and _ only.")
        if not isinstance(option["label"], str) or not option["label"].strip():
            raise ValidationError(f"The option “{name}” needs a label.")
        if name in _FILLED_IN:
            raise ValidationError(f"“{name}” is filled in by the studio itself.")
        if name in names:
            raise ValidationError(f"The option “{name}” is there twice.")
        names.add(name)
        if "minimum" in option:
            limits = (option["minimum"], option["default"], option["maximum"])
            if not all(isinstance(one, int) and not isinstance(one, bool) for one in limits):
                raise ValidationError(f"“{name}” needs whole numbers.")
            if not limits[0] <= limits[1] <= limits[2]:
                raise ValidationError(f"The default of “{name}” is not between its limits.")
            continue
        choices = option["choices"]
        if not isinstance(choices, list) or not choices or not all(isinstance(one, str) and one for one in choices):
            raise ValidationError(f"The choices of “{name}” are a list of texts, with one at least.")
        if len(set(choices)) < len(choices):
            raise ValidationError(f"“{name}” has a choice twice.")
        if option["default"] not in choices:
            raise ValidationError(f"The default of “{name}” is not among its choices.")


def validate_prices(value: Any) -> None:
    """Accept a list of {"when": {option: choice, …}, "price": "0.08"}; raise ValidationError otherwise."""
    if not isinstance(value, list):
        raise ValidationError("Prices by option are a list.")
    for place, row in enumerate(value, start=1):
        if not isinstance(row, dict) or set(row) != {"when", "price"} or not isinstance(row["when"], dict):
            raise ValidationError(
                "Each row has just “when”, the choices it is for, and “price”. "
                f"Number {place} in the list has {_keys_of(row)}."
            )
        if not row["when"] or not all(isinstance(one, str) for pair in row["when"].items() for one in pair):
            raise ValidationError("“when” names one option and its choice at least, all as texts.")
        try:
            price = Decimal(row["price"]) if isinstance(row["price"], str) else None
        except InvalidOperation:
            price = None
        if price is None or not price.is_finite() or price < 0 or price > 1_000_000:
            raise ValidationError(f'“{row["price"]}” is no price; write it as a text such as "0.08".')


def _keys_of(item: object) -> str:
    if not isinstance(item, dict):
        return "none of these"
    return ", ".join(str(key) for key in item) or "nothing"


def options_key(options: dict[str, Any]) -> str:
    """Sixteen characters that are the same for the same choices in any order."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


class ImageModelQuerySet(models.QuerySet["ImageModel"]):
    def on_offer(self) -> "ImageModelQuerySet":
        """Those that people may pick, in the order that the administrator gave them."""
        return self.filter(enabled=True)


class ImageModel(models.Model):
    class ResponseFormat(models.TextChoices):
        UNSAID = "", "as the upstream likes"
        URL = "url", "address (url)"
        BASE64 = "b64_json", "in the answer (b64_json)"

    slug = models.CharField(
        "upstream id", max_length=100, unique=True, help_text="The model's name in a request, such as dall-e-3."
    )
    label = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True, help_text="What it is good at, in a few words.")
    enabled = models.BooleanField(default=True, help_text="People may pick it.")
    position = models.PositiveSmallIntegerField(default=100, help_text="Smaller comes first.")
    max_count = models.PositiveSmallIntegerField(
        "pictures at once", default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    options = models.JSONField(default=list, blank=True, validators=[validate_options])
    response_format = models.CharField(max_length=10, choices=ResponseFormat, blank=True, default=ResponseFormat.UNSAID)
    price = models.DecimalField(
        "price of one picture",
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars; empty where it is not known.",
    )
    prices = models.JSONField(
        "prices by option",
        default=list,
        blank=True,
        validators=[validate_prices],
        help_text="The first row whose choices are all made counts; else the price above.",
    )
    prompt_limit = models.PositiveIntegerField(
        "longest prompt", default=4000, validators=[MinValueValidator(1), MaxValueValidator(32_000)]
    )
    can_edit = models.BooleanField("edits pictures", default=False)
    can_vary = models.BooleanField("makes variations", default=False)
    edit_square = models.BooleanField(
        "takes squares only", default=False, help_text="For edits and variations: other pictures are cut or filled up."
    )
    edit_needs_mask = models.BooleanField(
        "edits only what is marked", default=False, help_text="An edit without a mask is not sent."
    )
    edit_max_bytes = models.PositiveIntegerField(
        "largest file to edit",
        default=20_000_000,
        validators=[MinValueValidator(100_000), MaxValueValidator(20_000_000)],
        help_text="Bytes of the PNG that is sent; it is scaled down until it is smaller.",
    )
    edit_max_side = models.PositiveIntegerField(
        "longest side to edit",
        default=2048,
        validators=[MinValueValidator(64), MaxValueValidator(2048)],
        help_text="Pixels; larger pictures are scaled down.",
    )
    # What the last import wrote, by field. If the field has another value now, an administrator changed it.
    imported = models.JSONField(default=dict, blank=True, editable=False)
    gone_at = models.DateTimeField(
        "not offered upstream since", null=True, blank=True, editable=False, help_text="Noticed by an import."
    )
    give_up_after = models.PositiveIntegerField(
        default=900, help_text="Seconds after which the studio stops waiting for a result."
    )
    # Learned by housekeeping from this studio's own past; seconds from sending to having the picture.
    typical_seconds = models.FloatField(null=True, blank=True, editable=False)
    slow_seconds = models.FloatField(null=True, blank=True, editable=False)
    success_rate = models.FloatField(
        null=True, blank=True, editable=False, help_text="The share of the latest that brought a picture, 0 to 1."
    )

    objects = ImageModelQuerySet.as_manager()

    class Meta:
        verbose_name = "model"
        ordering = ["position", "label"]

    def __str__(self) -> str:
        return self.label

    @property
    def option_list(self) -> list[Option]:
        return [
            Option(
                one["name"],
                one["label"],
                tuple(one.get("choices", ())),
                str(one["default"]),
                one.get("minimum"),
                one.get("maximum"),
            )
            for one in self.options
        ]

    def price_of(self, options: dict[str, str]) -> Decimal | None:
        """The price of one picture with these choices, in US dollars; None if it is not known."""
        for row in self.prices:
            if all(options.get(name) == choice for name, choice in row["when"].items()):
                return Decimal(row["price"])
        return self.price

    def fitting(self, options: dict[str, str]) -> dict[str, str]:
        """A choice for each option of this model: that of `options`, if the model accepts it, else the default."""
        fitting = {}
        for option in self.option_list:
            wanted = options.get(option.name, "")
            fitting[option.name] = wanted if option.accepts(wanted) else option.default
        return fitting

    def in_words(self, options: dict[str, str]) -> list[tuple[str, str]]:
        """Label and value of each of these options; as they are, if this model does not know them any more."""
        known = {option.name: option for option in self.option_list}
        return [
            (known[name].label, known[name].in_words(value)) if name in known else (name, value)
            for name, value in options.items()
        ]

    def takes_pictures_of(self, other: "ImageModel") -> bool:
        """Whether a source that was prepared for the other model suits this one, too."""
        return (
            (other.edit_square or not self.edit_square)
            and other.edit_max_bytes <= self.edit_max_bytes
            and (other.edit_needs_mask or not self.edit_needs_mask)
        )

    @property
    def success_percent(self) -> int | None:
        return None if self.success_rate is None else round(100 * self.success_rate)

    @property
    def is_slow(self) -> bool:
        """Longer than a person would watch an empty box."""
        return (self.typical_seconds or 0) > 10


class ModelPace(models.Model):
    """How long a model takes with certain options. Housekeeping learns it from the studio's past."""

    model = models.ForeignKey(ImageModel, on_delete=models.CASCADE, related_name="paces")
    options_key = models.CharField(max_length=16)
    typical_seconds = models.FloatField(help_text="Half were quicker, from sending to having the picture.")
    slow_seconds = models.FloatField(help_text="95 in 100 were quicker.")
    learned_from = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "options_key"], name="pace_once_per_options")]

    def __str__(self) -> str:
        return f"{self.model}: {self.typical_seconds:.0f} s"


class CatalogueSnapshot(models.Model):
    """What the upstream offered at a catalogue sync. The catalogue difference is computed from it."""

    taken_at = models.DateTimeField(default=timezone.now)
    offered = models.JSONField(default=list)
    error = models.TextField(blank=True, help_text="Why it could not be looked up, in plain words.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"The upstream's catalogue of {self.taken_at:%Y-%m-%d %H:%M}"


def size_in_pixels(options: dict[str, str], otherwise: tuple[int, int] = (1024, 1024)) -> tuple[int, int]:
    """Width and height in pixels by these options; `otherwise`, if they do not say."""
    match = _PIXELS.match(options.get("size", ""))
    if match:
        return int(match[1]), int(match[2])
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", options.get("aspect_ratio", ""))
    if ratio and int(ratio[1]) and int(ratio[2]):
        return int(ratio[1]) * 64, int(ratio[2]) * 64
    return otherwise
