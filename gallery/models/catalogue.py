"""The models that people may pick from. What a model can do is data, so that a new one needs no code."""

import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

_PIXELS = re.compile(r"^(\d{2,5})x(\d{2,5})$")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a model lets a person choose; `name` is the field of the upstream request."""

    name: str
    label: str
    choices: tuple[str, ...]
    default: str

    def in_words(self, choice: str) -> str:
        """What a person reads for a value that the upstream reads."""
        if _PIXELS.match(choice):
            return choice.replace("x", " × ")
        return choice.upper() if choice == "hd" else choice.replace("_", " ").capitalize()


def validate_options(value: Any) -> None:
    """Accept a list of {"name", "label", "choices": [text, …], "default"}; raise ValidationError otherwise."""
    if not isinstance(value, list):
        raise ValidationError("Options are a list.")
    names = set()
    for option in value:
        if not isinstance(option, dict) or set(option) != {"name", "label", "choices", "default"}:
            raise ValidationError("Each option has just name, label, choices and default.")
        name, choices = option["name"], option["choices"]
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            raise ValidationError(f"“{name}” is no field name: lower-case letters, digits and _ only.")
        if not isinstance(option["label"], str) or not option["label"].strip():
            raise ValidationError(f"The option “{name}” needs a label.")
        if name in {"model", "prompt", "n", "user", "response_format"}:
            raise ValidationError(f"“{name}” is filled in by the studio itself.")
        if name in names:
            raise ValidationError(f"The option “{name}” is there twice.")
        names.add(name)
        if not isinstance(choices, list) or not choices or not all(isinstance(one, str) and one for one in choices):
            raise ValidationError(f"The choices of “{name}” are a list of texts, with one at least.")
        if option["default"] not in choices:
            raise ValidationError(f"The default of “{name}” is not among its choices.")


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
    give_up_after = models.PositiveIntegerField(
        default=900, help_text="Seconds after which the studio stops waiting for a result."
    )
    # Learned by housekeeping from this studio's own past; seconds from sending to having the picture.
    typical_seconds = models.FloatField(null=True, blank=True, editable=False)
    slow_seconds = models.FloatField(null=True, blank=True, editable=False)

    objects = ImageModelQuerySet.as_manager()

    class Meta:
        verbose_name = "model"
        ordering = ["position", "label"]

    def __str__(self) -> str:
        return self.label

    @property
    def option_list(self) -> list[Option]:
        return [Option(one["name"], one["label"], tuple(one["choices"]), one["default"]) for one in self.options]

    @property
    def is_slow(self) -> bool:
        """More than one would watch a blank box for."""
        return (self.typical_seconds or 0) > 10


def size_in_pixels(options: dict[str, str]) -> tuple[int, int]:
    """Width and height that a generation with these options will have; a square where they do not tell."""
    match = _PIXELS.match(options.get("size", ""))
    if match:
        return int(match[1]), int(match[2])
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", options.get("aspect_ratio", ""))
    if ratio and int(ratio[1]) and int(ratio[2]):
        return int(ratio[1]) * 64, int(ratio[2]) * 64
    return 1024, 1024
