"""A generation's columns, and the facts that follow from them. `generation.py` has the moves of its state."""

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.batch import Batch
from gallery.models.catalogue import ImageModel, PricePer, options_key, size_in_pixels
from gallery.models.gallery import Gallery
from gallery.models.kept_file import KeptFile, kept_files
from gallery.models.ledger import NOTHING, LedgerEntry, exact
from gallery.models.options import Operation
from gallery.models.states import ENDED_IN_VAIN, UNCLEAR_CHARGE, UNDER_WAY, State
from gallery.models.token_prices import cost_from_usage

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from gallery.models.picture import Picture
    from gallery.models.raw_answer import RawAnswer
    from gallery.models.reference import Reference


def fingerprint(model_id: int, prompt: str, options: dict[str, str], references: Sequence[str] = ()) -> str:
    """Equal for two requests with the same model, prompt, options and reference pictures, which are told by their
    hashes. The number of pictures does not count.
    """
    asked = [model_id, prompt, options, *([list(references)] if references else [])]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


# The file name of an edit's source tells its size, so that the file need not be opened for that.
SIZE_IN_NAME = re.compile(r"-(\d{1,5})x(\d{1,5})\.\w+$")


class GenerationFields(models.Model):
    """The columns of a generation and the facts that follow from them; `Generation` adds the moves."""

    class Kind(models.TextChoices):
        CREATE = "create", _("Picture")
        EDIT = "edit", _("Edit")
        VARIATION = "variation", _("Variation")
        # Never asked of a service: the row behind a picture that a person brought.
        UPLOAD = "upload", _("Upload")
        # Nor was this: the row behind versions that were cropped, turned and so on here.
        ADJUSTED = "adjusted", _("Adjusted")

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations")
    model = models.ForeignKey(ImageModel, on_delete=models.PROTECT, related_name="generations")
    prompt = models.TextField(max_length=4000)
    options = models.JSONField(default=dict, blank=True)
    count = models.PositiveSmallIntegerField(_("pictures asked for"), default=1)
    gallery = models.ForeignKey(Gallery, on_delete=models.SET_NULL, null=True, blank=True, related_name="generations")
    token = models.UUIDField(
        default=uuid.uuid4,
        editable=False,
        help_text=_("The form's; the same form sent twice is one request."),
    )
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.CREATE)
    batch = models.ForeignKey(Batch, on_delete=models.SET_NULL, null=True, blank=True, related_name="generations")
    template = models.ForeignKey(
        "gallery.PromptTemplate", on_delete=models.SET_NULL, null=True, blank=True, related_name="generations"
    )
    parent = models.ForeignKey(
        "gallery.Picture",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        help_text=_("The picture that it was remixed, edited or varied from."),
    )
    source_file = models.CharField(
        max_length=200, blank=True, help_text=_("In storage: the picture that goes along with an edit or variation.")
    )
    reference_files = models.JSONField(
        default=list, blank=True, help_text=_("In storage: further pictures that go along, after the first.")
    )
    mask_file = models.CharField(
        max_length=200, blank=True, help_text=_("In storage: transparent where to paint anew.")
    )
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text=_("The same for the same request, count aside."),
    )
    options_key = models.CharField(
        max_length=16, blank=True, editable=False, help_text=_("The same for the same options.")
    )
    retry_of = models.ForeignKey(
        "gallery.Generation", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries"
    )

    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    version = models.PositiveIntegerField(default=1, help_text=_("Grows with every change that a card shows."))
    dismissed = models.BooleanField(default=False)
    is_new = models.BooleanField(
        _("not seen yet"), default=False, help_text=_("It has ended, and its author has not seen it yet.")
    )
    fence = models.PositiveBigIntegerField(default=0, editable=False, help_text=_("The engine's that sent it."))
    due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the engine looks at it next; empty where nothing is left to do.")
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text=_("Failed attempts at what is being tried now."))

    ingest_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("One process fetches its pictures now, and until then no other begins."),
    )

    refused_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the service last turned it away for a limit or for money. It stays queued."),
    )

    task_id = models.TextField(blank=True)
    poll_url = models.TextField(blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("Percent, if the upstream says."))
    results = models.JSONField(
        default=list,
        blank=True,
        help_text=_("What the upstream delivered: per picture its url or file, revised_prompt."),
    )
    deleted_results = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text=_("Results whose pictures were stored and have been deleted for good since: their places."),
    )

    error_code = models.CharField(max_length=100, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)
    error_details = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("For administrators: the upstream's own code, and what it says about a request that would do."),
    )
    upstream_ids = models.JSONField(
        default=dict, blank=True, help_text=_("All ids that the upstream gave: its support asks for them.")
    )
    usage = models.JSONField(default=dict, blank=True, help_text=_("Tokens, as the upstream counted them."))
    suggested_model = models.ForeignKey(
        ImageModel,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("On offer, and named by the upstream instead."),
    )

    estimated_cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    price_per = models.CharField(
        max_length=9, choices=PricePer, blank=True, default=PricePer.ASKED, help_text=_("As the model's was then.")
    )
    cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    booked = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=NOTHING,
        editable=False,
        help_text=_("What its ledger entries add up to."),
    )
    refunded = models.BooleanField(
        default=False,
        editable=False,
        help_text=_("The upstream ended it without a picture after the studio had stopped waiting."),
    )

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    unfinished_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When the upstream last said that it was not ready.")
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    pictures: "RelatedManager[Picture]"
    raw_answers: "RelatedManager[RawAnswer]"
    references: "RelatedManager[Reference]"

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["author", "token"], name="generation_once_per_form")]
        indexes = [
            models.Index(fields=["author", "-id"], condition=Q(dismissed=False), name="generation_feed"),
            models.Index(fields=["created_at"], name="generation_by_day"),
            models.Index(fields=["author", "created_at"], name="generation_of_author_by_day"),
            models.Index(fields=["state", "author", "id"], name="generation_by_state"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="generation_due"),
            models.Index(fields=["model", "-finished_at"], name="generation_durations"),
            models.Index(fields=["fingerprint"], condition=~Q(fingerprint=""), name="generation_by_fingerprint"),
        ]

    def __str__(self) -> str:
        return _("Generation %(number)s") % {"number": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            if self.estimated_cost is not None:
                # Rounded here, because each database rounds in its own way.
                self.estimated_cost = exact(Decimal(self.estimated_cost))
            self.options_key = options_key(self.options)
            if self.kind == self.Kind.CREATE and not self.fingerprint:
                self.fingerprint = fingerprint(self.model_id, self.prompt, self.options)
        super().save(*args, **kwargs)

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def can_cancel(self) -> bool:
        if self.state == State.QUEUED:
            return True
        return self.state in (State.SUBMITTING, State.PENDING, State.PROCESSING) and not self.results

    @property
    def can_retry(self) -> bool:
        return self.state in ENDED_IN_VAIN

    @property
    def can_fetch(self) -> bool:
        return self.state in (State.FAILED, State.COMPLETED) and self.is_missing_pictures

    @property
    def kept_files(self) -> list[KeptFile]:
        """What was delivered and is no picture."""
        return kept_files(self.pk, self.results)

    @property
    def pictures_stored(self) -> int:
        """How many pictures and files have come. Those in the trash and those deleted for good count, too."""
        arrived = getattr(self, "arrived", None)
        pictures = self.pictures.count() if arrived is None else int(arrived)
        return pictures + len(self.deleted_results) + sum(file.stands_for_result for file in self.kept_files)

    @property
    def is_missing_pictures(self) -> bool:
        """Whether the upstream has delivered something that the studio lacks, and that fetching could bring."""
        lost = sum(1 for result in self.results if result.get("lost"))
        return len(self.results) > self.pictures_stored + lost

    @property
    def extra_results(self) -> int:
        """How many pictures came beyond those asked for."""
        return max(0, len(self.results) - self.count)

    @property
    def shortfall(self) -> int:
        """How many of the pictures asked for did not come."""
        return max(0, self.count - self.pictures_stored) if self.state == State.COMPLETED else 0

    @property
    def seconds_taken(self) -> int | None:
        """From sending to the upstream's answer."""
        if self.submitted_at is None or self.delivered_at is None:
            return None
        return round((self.delivered_at - self.submitted_at).total_seconds())

    @property
    def expected_size(self) -> tuple[int, int]:
        """Width and height in pixels. Where the options leave it open (“auto”), an edit has the shape of its source."""
        sent = SIZE_IN_NAME.search(self.source_file)
        return size_in_pixels(self.options, (int(sent[1]), int(sent[2]))) if sent else size_in_pixels(self.options)

    @property
    def operation(self) -> Operation:
        """What the request does, which decides where it is sent and which options go along."""
        if self.kind == GenerationFields.Kind.CREATE:
            return Operation.REFERENCES if self.source_file else Operation.GENERATE
        return Operation.EDIT if self.kind == GenerationFields.Kind.EDIT else Operation.VARY

    @property
    def files_to_send(self) -> list[str]:
        """The pictures that go along, by their names in storage."""
        return [name for name in (self.source_file, *self.reference_files) if name]

    @property
    def options_for_upstream(self) -> dict[str, str | int | float | bool]:
        """The options of this operation as they are sent. One that the model has no more goes out as it was chosen."""
        known = {option.name: option for option in self.model.option_list}
        return {
            name: known[name].for_upstream(value) if name in known else value
            for name, value in self.options.items()
            if value != "" and (name not in known or known[name].belongs_to(self.operation))
        }

    @property
    def costs_by_now(self) -> tuple[Decimal, LedgerEntry.Kind]:
        """What it costs by what is known now, and what kind of knowledge that is."""
        if self.state == State.COMPLETED:
            return self.cost or NOTHING, LedgerEntry.Kind.SETTLED
        # We pay for what was delivered, even if some of it could not be fetched.
        if self.results:
            return self.cost_of_results or NOTHING, LedgerEntry.Kind.SETTLED
        # It was not sent, or it was refunded. If we cannot know whether it was charged, the estimate stands.
        if self.state in ENDED_IN_VAIN and self.was_charged is False:
            return NOTHING, LedgerEntry.Kind.RELEASED
        return self.estimated_cost or NOTHING, LedgerEntry.Kind.RESERVED

    @property
    def cost_of_results(self) -> Decimal | None:
        """The price of what the upstream delivered, fetched or not; None if the price is not known.

        Tokens that the upstream counted tell what it really cost, if the model has prices for them. Otherwise more than
        was asked for costs no more, as the price that was shown is for what was asked for: unless the upstream charges
        for each picture that comes. A price for a request is charged whole if anything came.
        """
        if self.usage and self.model.token_prices:
            counted = cost_from_usage(self.model.token_prices, self.usage)
            if counted is not None:
                return exact(counted)
        if self.estimated_cost is None or not self.count:
            return None
        came = len(self.results)
        if self.price_per == PricePer.REQUEST:
            return exact(self.estimated_cost if came else NOTHING)
        charged = came if self.price_per == PricePer.DELIVERED else min(came, self.count)
        return exact(self.estimated_cost / self.count * charged)

    @property
    def was_charged(self) -> bool | None:
        """Whether this cost money; None if the studio cannot know."""
        if self.state == State.COMPLETED or self.results:
            return True
        if self.refunded or self.submitted_at is None:
            return False
        if self.state == State.FAILED:
            # The contract refunds failed tasks and does not charge refused requests. It promises nothing if we gave up
            # alone, or if the upstream failed after it had taken the request.
            return None if self.due_at or self.error_code in UNCLEAR_CHARGE else False
        return None
