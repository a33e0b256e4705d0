"""The models that people may pick from. What a model can do is data, so that a new one needs no code."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from gallery.models.options import (
    PIXELS,
    Operation,
    Option,
    Rule,
    broken_rule,
    option_from,
    validate_options,
    validate_prices,
    validate_rules,
)
from gallery.models.routes import Route, route_of, validate_routes
from gallery.models.token_prices import validate_token_prices

# The row that uploads name as their model, so that each picture has one. It is never on offer.
UPLOADED = "lemonstudio:upload"


def options_key(options: dict[str, Any]) -> str:
    """Sixteen characters that are the same for the same choices in any order."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


class PricePer(models.TextChoices):
    """What the upstream charges its price for."""

    ASKED = "", _("each picture, at most those asked for")
    DELIVERED = "delivered", _("each picture that comes")
    REQUEST = "request", _("each request, with all its pictures")


class ImageModelQuerySet(models.QuerySet["ImageModel"]):
    def on_offer(self) -> "ImageModelQuerySet":
        """Those that people may pick, in the order that the administrator gave them.

        A model whose last day is over is not among them, whether or not an import has taken it off the list.
        """
        now = timezone.now().astimezone(UTC).isoformat()
        has_no_end = Q(lifecycle__sunset_at__isnull=True) | Q(lifecycle__sunset_at="")
        return self.filter(has_no_end | Q(lifecycle__sunset_at__gt=now), enabled=True)

    def of_upstream(self) -> "ImageModelQuerySet":
        """All but the row that uploads name."""
        return self.exclude(slug=UPLOADED)

    def for_uploads(self) -> "ImageModel":
        """The row that uploads name."""
        return self.get_or_create(
            slug=UPLOADED, defaults={"label": "Uploaded", "enabled": False, "can_generate": False, "position": 32_000}
        )[0]

    def for_prompts(self) -> "ImageModelQuerySet":
        """Those on offer that need nothing but a prompt."""
        return self.on_offer().filter(can_generate=True)

    def label_replacements(self, models: Iterable["ImageModel"]) -> None:
        """Give those of the models that have a replacement its label. One query, or none."""
        ending = [model for model in models if model.replacement]
        if ending:
            labels = dict(self.filter(slug__in={model.replacement for model in ending}).values_list("slug", "label"))
            for model in ending:
                model.replacement_label = labels.get(model.replacement, model.replacement)


class ImageModel(models.Model):
    class ResponseFormat(models.TextChoices):
        UNSAID = "", _("as the upstream likes")
        URL = "url", _("address (url)")
        BASE64 = "b64_json", _("in the answer (b64_json)")

    slug = models.CharField(
        _("upstream id"), max_length=100, unique=True, help_text=_("The model's name in a request, such as dall-e-3.")
    )
    label = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True, help_text=_("What it is good at, in a few words."))
    enabled = models.BooleanField(default=True, help_text=_("People may pick it."))
    position = models.PositiveSmallIntegerField(default=100, help_text=_("Smaller comes first."))
    max_count = models.PositiveSmallIntegerField(
        _("pictures at once"), default=1, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    options = models.JSONField(default=list, blank=True, validators=[validate_options])
    ruled_out = models.JSONField(
        _("what does not go together"),
        default=list,
        blank=True,
        validators=[validate_rules],
        help_text=_("Choices that the upstream refuses together."),
    )
    routes = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_routes],
        help_text=_("Where each operation is sent, if not where it usually is."),
    )
    response_format = models.CharField(max_length=10, choices=ResponseFormat, blank=True, default=ResponseFormat.UNSAID)
    price = models.DecimalField(
        _("price of one picture"),
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars; empty where it is not known."),
    )
    price_per = models.CharField(
        _("the price is for"),
        max_length=9,
        choices=PricePer,
        blank=True,
        default=PricePer.ASKED,
        help_text=_("If more pictures come than were asked for, or several in one request."),
    )
    prices = models.JSONField(
        _("prices by option"),
        default=list,
        blank=True,
        validators=[validate_prices],
        help_text=_("The first row whose choices are all made counts; else the price above."),
    )
    token_prices = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_token_prices],
        help_text=_("US dollars per million tokens, for a model that is not priced by the picture."),
    )
    prompt_limit = models.PositiveIntegerField(
        _("longest prompt"), default=4000, validators=[MinValueValidator(1), MaxValueValidator(32_000)]
    )
    can_generate = models.BooleanField(
        _("makes pictures from a prompt"),
        default=True,
        help_text=_("Not those that always need a picture to start from."),
    )
    can_edit = models.BooleanField(_("edits pictures"), default=False)
    can_vary = models.BooleanField(_("makes variations"), default=False)
    edit_square = models.BooleanField(
        _("takes squares only"),
        default=False,
        help_text=_("For edits and variations: other pictures are cut or filled up."),
    )
    edit_needs_mask = models.BooleanField(
        _("edits only what is marked"), default=False, help_text=_("An edit without a mask is not sent.")
    )
    edit_max_bytes = models.PositiveIntegerField(
        _("largest file to edit"),
        default=20_000_000,
        validators=[MinValueValidator(100_000), MaxValueValidator(20_000_000)],
        help_text=_("Bytes of the PNG that is sent; it is scaled down until it is smaller."),
    )
    edit_max_side = models.PositiveIntegerField(
        _("longest side to edit"),
        default=2048,
        validators=[MinValueValidator(64), MaxValueValidator(2048)],
        help_text=_("Pixels; larger pictures are scaled down."),
    )
    # What the last import wrote, by field. If the field has another value now, an administrator changed it.
    imported = models.JSONField(default=dict, blank=True, editable=False)
    # What the upstream says of its life: stage, reason, replacement, sunset_at, is_free, free_until, success_rate.
    lifecycle = models.JSONField(default=dict, blank=True, editable=False)
    gone_at = models.DateTimeField(
        _("not offered upstream since"), null=True, blank=True, editable=False, help_text=_("Noticed by an import.")
    )
    give_up_after = models.PositiveIntegerField(
        default=900, help_text=_("Seconds after which the studio stops waiting for a result.")
    )
    # Learned by housekeeping from this studio's own past; seconds from sending to having the picture.
    typical_seconds = models.FloatField(null=True, blank=True, editable=False)
    slow_seconds = models.FloatField(null=True, blank=True, editable=False)
    success_rate = models.FloatField(
        null=True, blank=True, editable=False, help_text=_("The share of the latest that brought a picture, 0 to 1.")
    )

    # How people know the model that takes its place; "" until `label_replacements` was asked.
    replacement_label = ""

    objects = ImageModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("model")
        ordering = ["position", "label"]

    def __str__(self) -> str:
        return self.label

    @property
    def option_list(self) -> list[Option]:
        return [option_from(row) for row in self.options]

    def options_for(self, operation: str) -> list[Option]:
        """The options that may be sent with this operation, each with the choices that it has there."""
        return [option.for_operation(operation) for option in self.option_list if option.belongs_to(operation)]

    def route(self, operation: str) -> Route | None:
        """Where this operation goes; None where the model has no such operation."""
        return route_of(self.routes, operation)

    @property
    def most_references(self) -> int:
        """How many pictures may go along with a prompt, as files, or as addresses where the studio lends them."""
        route = self.route(Operation.REFERENCES)
        return 0 if route is None else route.most_pictures(lends=bool(settings.LEMONSTUDIO_PUBLIC_URL))

    def price_of(self, options: Mapping[str, str]) -> Decimal | None:
        """Of one picture (see `price_per`) with these choices, in US dollars; None where it is not known."""
        if self.is_free:
            return Decimal(0)
        for row in self.prices:
            if all(options.get(name) == choice for name, choice in row["when"].items()):
                return Decimal(row["price"])
        return self.price

    def estimate(self, options: Mapping[str, str], count: int) -> Decimal | None:
        """The expected cost of a request for so many pictures, in US dollars; None where the price is not known."""
        price = self.price_of(options)
        return price if price is None or self.price_per == PricePer.REQUEST else price * count

    def fitting(self, options: Mapping[str, str], operation: str = Operation.GENERATE) -> dict[str, str]:
        """Values for this model's options: those of `options` that it accepts, too, else its defaults.

        What is set neither there nor by default is left out, and so is what does not go together with the rest.
        """
        known = {option.name: option for option in self.options_for(operation)}
        fitting = {
            name: options[name] if option.accepts(options.get(name, "")) else option.default
            for name, option in known.items()
        }
        for rule in self.ruled_out:
            if broken_rule([rule], fitting):
                fitting |= self._mended(rule, fitting, known)
        return {name: value for name, value in fitting.items() if value}

    @staticmethod
    def _mended(rule: Rule, fitting: Mapping[str, str], known: Mapping[str, Option]) -> dict[str, str]:
        """One change by which the rule is kept: an option back to its default, or not set."""
        changes = [{name: value} for name in reversed(rule) if name in known for value in (known[name].default, "")]
        return next((change for change in changes if not broken_rule([rule], {**fitting, **change})), {})

    def conflict_in(self, options: Mapping[str, str]) -> str:
        """What does not go together among these choices, as a sentence; "" if all of it does."""
        rule = broken_rule(self.ruled_out, options)
        if rule is None:
            return ""
        known = {option.name: option for option in self.option_list}
        named = [
            f"{known[name].title} {known[name].in_words(options[name])}"
            if options.get(name)
            else _("no %(option)s") % {"option": known[name].title}
            for name in rule
            if name in known
        ]
        together = reduce(lambda before, one: _("%(before)s with %(one)s") % {"before": before, "one": one}, named)
        return _("%(model)s does not take %(choices)s. Choose another.") % {"model": self, "choices": together}

    def in_words(self, options: dict[str, str]) -> list[tuple[str, str]]:
        """Label and value of each of these options; as they are, if this model does not know them any more."""
        known = {option.name: option for option in self.option_list}
        return [
            (known[name].title, known[name].in_words(value)) if name in known else (name, value)
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
    def is_priced(self) -> bool:
        """Whether something is known of what it costs."""
        return self.price is not None or bool(self.prices) or self.is_free

    @property
    def is_free(self) -> bool:
        """Whether the upstream charges nothing for it at present."""
        until = parse_datetime(self.lifecycle.get("free_until") or "")
        return bool(self.lifecycle.get("is_free")) and (until is None or until > timezone.now())

    @property
    def is_deprecated(self) -> bool:
        return bool(self.lifecycle.get("stage") == "deprecated")

    @property
    def sunset_at(self) -> datetime | None:
        """When the upstream stops offering it, if it says so."""
        return parse_datetime(self.lifecycle.get("sunset_at") or "")

    @property
    def is_ending(self) -> bool:
        """Whether the upstream has said that it will stop offering it."""
        return self.is_deprecated or self.sunset_at is not None

    @property
    def is_retired(self) -> bool:
        """Whether its last day is over."""
        return self.sunset_at is not None and self.sunset_at <= timezone.now()

    @property
    def is_on_offer(self) -> bool:
        """Whether people may pick it, as `on_offer` says."""
        return self.enabled and not self.is_retired

    @property
    def replacement(self) -> str:
        """The upstream id of the model that takes its place; "" if none is named."""
        return str(self.lifecycle.get("replacement") or "")

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
    typical_seconds = models.FloatField(help_text=_("Half were quicker, from sending to having the picture."))
    slow_seconds = models.FloatField(help_text=_("95 in 100 were quicker."))
    learned_from = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "options_key"], name="pace_once_per_options")]

    def __str__(self) -> str:
        return f"{self.model}: {self.typical_seconds:.0f} s"


class CatalogueSnapshot(models.Model):
    """What the upstream offered at a catalogue sync. The catalogue difference is computed from it."""

    taken_at = models.DateTimeField(default=timezone.now)
    offered = models.JSONField(default=list)
    left_out = models.JSONField(
        default=list, help_text=_("What is listed, but not for pictures or not looked at: id and reason of each.")
    )
    error = models.TextField(blank=True, help_text=_("Why it could not be read, in plain words."))

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("The upstream's catalogue of %(taken_at)s") % {
            "taken_at": date_format(self.taken_at, "SHORT_DATETIME_FORMAT")
        }


def size_in_pixels(options: Mapping[str, str], otherwise: tuple[int, int] = (1024, 1024)) -> tuple[int, int]:
    """Width and height that a generation with these options will have; `otherwise` where they do not tell."""
    match = PIXELS.match(options.get("size", ""))
    if match:
        return int(match[1]), int(match[2])
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", options.get("aspect_ratio", ""))
    if ratio and int(ratio[1]) and int(ratio[2]):
        return int(ratio[1]) * 64, int(ratio[2]) * 64
    return otherwise
