"""What the card of a generation says: words, progress, links, and the step that helps best. The model has the facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from pathlib import PurePosixPath

from django.contrib.humanize.templatetags.humanize import ordinal
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from gallery.models import Generation, ImageModel, Person, Picture, State
from gallery.models.sentences import MODEL_IS_TURNED_AWAY, THIS_IS_TURNED_AWAY, in_readers_language, is_made_of
from gallery.models.states import (
    ACCOUNT_CODES,
    ADMIN_HELPS,
    EDIT_HELPS,
    ENDED_IN_VAIN,
    GAVE_UP,
    GENERATION_FAILED,
    NOT_A_PICTURE,
    PICTURE_UNAVAILABLE,
    REFUSED_ON_THE_WAY,
    SHAPE_CODES,
    SOURCE_GONE,
)
from gallery.web.pictures import ratio_class

ERROR_TITLES = {
    GAVE_UP: gettext_lazy("Timed out"),
    PICTURE_UNAVAILABLE: gettext_lazy("The picture could not be fetched"),
    NOT_A_PICTURE: gettext_lazy("The service did not send a picture"),
    GENERATION_FAILED: gettext_lazy("The service could not make this picture"),
    SOURCE_GONE: gettext_lazy("The picture to start from is gone"),
    "content_policy_violation": gettext_lazy("The service declined this prompt"),
    "invalid_request_error": gettext_lazy("The service did not accept this request"),
    "model_not_found": gettext_lazy("The service does not have this model"),
    REFUSED_ON_THE_WAY: gettext_lazy("Something on the way refused this request"),
    "model_not_allowed": gettext_lazy("This model is not open to the studio"),
    "access_denied": gettext_lazy("This model is not open to the studio"),
    "payload_too_large": gettext_lazy("The request was too large"),
    "async_task_not_found": gettext_lazy("The service has no record of this request"),
    "all_channels_failed": gettext_lazy("The service has no way to this model at the moment"),
    "malformed_answer": gettext_lazy("The service’s answer could not be read"),
    "no_picture": gettext_lazy("The service made no picture"),
    **dict.fromkeys(ACCOUNT_CODES, gettext_lazy("The studio’s account at the service has a problem")),
    **dict.fromkeys(SHAPE_CODES, gettext_lazy("The studio asks this model in the wrong way")),
}
# What to do about it, in the studio's own words. What the upstream says goes behind "Details".
ERROR_HELPS = {
    "content_policy_violation": gettext_lazy("Describe the picture in other words."),
    "model_not_found": gettext_lazy("Choose another model."),
    "model_not_allowed": gettext_lazy("Choose another model."),
    "access_denied": gettext_lazy("Choose another model."),
    "payload_too_large": gettext_lazy("Use a shorter prompt or a smaller picture."),
    "invalid_request_error": gettext_lazy("Check the prompt and the options."),
    "all_channels_failed": gettext_lazy("Try again in a few minutes, or with another model."),
    PICTURE_UNAVAILABLE: gettext_lazy("Fetch it again. That costs nothing."),
    **dict.fromkeys([*ACCOUNT_CODES, *SHAPE_CODES, REFUSED_ON_THE_WAY], gettext_lazy("An administrator can help.")),
}
CHARGE_WORDS = {True: gettext_lazy("It was charged."), False: gettext_lazy("Nothing was charged."), None: ""}


def error_title(code: str) -> str:
    return str(ERROR_TITLES[code]) if code in ERROR_TITLES else _("This one did not work")


def start_over_url(generation: Generation) -> str:
    """The page where its author changes what was asked for, and asks again."""
    if generation.kind == Generation.Kind.CREATE:
        page = reverse("create")
    elif generation.parent_id is not None:
        page = reverse("picture_edit", args=[generation.parent_id])
    else:
        page = reverse("upload_edit", args=[PurePosixPath(generation.source_file).name])
    return f"{page}?prompt_from={generation.pk}"


class Card:
    """One generation as one person sees it. Rows of `queries.cards.for_cards` have all that it shows.

    A row without what that adds works, too; then the card knows neither a place in the queue nor votes.
    """

    def __init__(self, generation: Generation, person: Person) -> None:
        self.generation = generation
        self.is_mine = generation.author_id == person.pk

    @cached_property
    def pictures(self) -> list[Picture]:
        shown: list[Picture] | None = getattr(self.generation, "shown_pictures", None)
        return list(self.generation.pictures.all()) if shown is None else shown

    @property
    def body(self) -> str:
        """The template of the part that differs by kind of card."""
        state = State(self.generation.state)
        if self.generation.is_under_way:
            kind = "waiting"
        elif self.pictures:
            kind = "pictures"
        elif state == State.COMPLETED and self.generation.kept_files:
            kind = "files"
        else:
            # failed, interrupted, cancelled; completed, if its pictures are in the trash.
            kind = state.value
        return f"generations/_card_{kind}.html"

    @property
    def is_settled(self) -> bool:
        """Whether it shows pictures, and changes only if its rows do: no time runs."""
        return not self.generation.is_under_way and bool(self.pictures)

    @property
    def is_line(self) -> bool:
        """Whether it ended with nothing to look at, and so is one line."""
        generation = self.generation
        return not generation.is_under_way and not self.pictures and not generation.kept_files

    @property
    def tint(self) -> int:
        """Which of the six gradients of `create.css` it has while one waits."""
        return self.generation.pk % 6

    @property
    def again_price(self) -> Decimal | None:
        """What asking for the same again costs, in US dollars; None where that is not known."""
        model, generation = self.generation.model, self.generation
        return model.estimate(model.fitting(generation.options), min(generation.count, model.max_count))

    @property
    def ratio_class(self) -> str:
        return ratio_class(*self.generation.expected_size)

    @property
    def slots(self) -> int:
        """How many boxes the card has: one for each picture, or for each that may come."""
        return len(self.pictures) or self.generation.count

    @property
    def boxes(self) -> range:
        """For a loop over the boxes of pictures to come."""
        return range(self.generation.count)

    # -- while it is under way

    @property
    def place_in_queue(self) -> int | None:
        """From 1."""
        before: int | None = getattr(self.generation, "queued_before", None)
        return before + 1 if before is not None else None

    @property
    def seconds_under_way(self) -> float | None:
        """Since it was sent; the time stands still when it has ended."""
        if self.generation.submitted_at is None:
            return None
        return ((self.generation.finished_at or timezone.now()) - self.generation.submitted_at).total_seconds()

    @property
    def whole_seconds(self) -> int | None:
        """For a count on the page, which goes on by itself."""
        return None if self.seconds_under_way is None else int(self.seconds_under_way)

    @property
    def usual_seconds(self) -> float | None:
        """What its model usually takes, with these options if that is known; None if nothing is known."""
        by_options: float | None = getattr(self.generation, "typical_for_options", None)
        return by_options or self.generation.model.typical_seconds

    @property
    def seconds_left(self) -> int | None:
        """By what this model usually takes; None if that is not known, or over."""
        usual, so_far = self.usual_seconds, self.seconds_under_way
        if usual is None or so_far is None or not self.generation.is_under_way or so_far >= usual:
            return None
        return max(1, round(usual - so_far))

    @property
    def is_taking_longer(self) -> bool:
        by_options: float | None = getattr(self.generation, "slow_for_options", None)
        slow, so_far = by_options or self.generation.model.slow_seconds, self.seconds_under_way
        return bool(self.generation.is_under_way and slow and so_far and so_far > slow)

    @property
    def progress(self) -> int | None:
        """Percent: the upstream's own, else an estimate from the usual time, which stays below 96."""
        if self.generation.progress is not None:
            return self.generation.progress
        usual, so_far = self.usual_seconds, self.seconds_under_way
        if not usual or so_far is None:
            return None
        return min(95, round(100 * so_far / usual))

    @property
    def has_progress_bar(self) -> bool:
        return self.generation.state == State.PROCESSING and self.progress is not None

    @property
    def countdown(self) -> int | None:
        """Seconds that the page counts down; None while nothing can be promised."""
        if self.generation.state != State.PROCESSING or self.is_taking_longer:
            return None
        return self.seconds_left

    @property
    def advice(self) -> list[tuple[str, str]]:
        """What the upstream says about a request that would do, for administrators: names and values in words."""
        details = self.generation.error_details
        return [(name.replace("_", " ").capitalize(), value) for name, value in details.items()]

    @property
    def waiting_reason(self) -> str:
        """Why it has to wait longer than its turn; "" if there is no reason. What the service said stays out."""
        message = self.generation.error_message
        if self.generation.state != State.QUEUED or not message:
            return ""
        if is_made_of(MODEL_IS_TURNED_AWAY, message):
            words = _("The service is turning %(model)s away at the moment. It goes on by itself; nothing is lost.")
            return words % {"model": self.generation.model.label}
        if is_made_of(THIS_IS_TURNED_AWAY, message):
            return _("The service is turning this away at the moment. It goes on by itself; nothing is lost.")
        return " ".join(in_readers_language(text) for text in (message, self.generation.error_hint) if text)

    @property
    def said(self) -> str:
        """Why it failed, word for word: what the studio found, or what the service said."""
        return in_readers_language(self.generation.error_message)

    @property
    def extra_words(self) -> str:
        """ "6 came, 1 was asked for"; "" if no more came than was asked for."""
        generation = self.generation
        if generation.state != State.COMPLETED or not generation.extra_results:
            return ""
        words = ngettext(
            "%(came)d came, %(count)d was asked for", "%(came)d came, %(count)d were asked for", generation.count
        )
        return words % {"came": len(generation.results), "count": generation.count}

    @property
    def waiting_words(self) -> str:
        """Where a generation that is under way stands. `create/progress.js` counts down in the same words."""
        state = self.generation.state
        if state == State.QUEUED:
            place = self.place_in_queue
            if place is None:
                return _("In line")
            return _("Next up") if place == 1 else (_("%(place)s in line") % {"place": ordinal(place)})
        if state == State.SUBMITTING:
            return _("Sending…")
        if state == State.PENDING:
            return _("Generating")
        if state == State.SAVING:
            here = len(self.pictures)
            words = _("%(here)d of %(count)d here") % {"here": here, "count": self.generation.count}
            return words if here else _("Almost there")
        if self.is_taking_longer:
            return _("Taking longer than usual")
        return (
            _("Generating") if self.countdown is None else (_("About %(seconds)d s left") % {"seconds": self.countdown})
        )

    # -- when it has ended

    @property
    def ended_words(self) -> str:
        """Why there is no picture, in one line."""
        if self.generation.state == State.FAILED:
            return self.error_title
        return self.generation.get_state_display()

    @property
    def error_title(self) -> str:
        return error_title(self.generation.error_code)

    @property
    def help_words(self) -> str:
        return str(ERROR_HELPS.get(self.generation.error_code, ""))

    @property
    def charge_words(self) -> str:
        return str(CHARGE_WORDS[self.generation.was_charged])

    @property
    def report(self) -> str:
        """What a person copies for an administrator."""
        generation = self.generation
        return _("Lemon Studio, generation %(number)d: %(title)s. %(message)s") % {
            "number": generation.pk,
            "title": self.error_title,
            "message": generation.error_message,
        }

    @property
    def next_step(self) -> str:
        """What helps best after a failure: "fetch", "use_model", "edit", "admin" or "retry"; "" if it did not fail."""
        if self.generation.state != State.FAILED:
            return ""
        if self.generation.can_fetch:
            return "fetch"
        if self.generation.suggested_model is not None:
            return "use_model"
        if self.generation.error_code in ADMIN_HELPS:
            return "admin"
        return "edit" if self.generation.error_code in EDIT_HELPS | {SOURCE_GONE} else "retry"

    @property
    def start_over_url(self) -> str:
        return start_over_url(self.generation)

    # -- what this person may press

    @property
    def can_cancel(self) -> bool:
        return self.is_mine and self.generation.can_cancel

    @property
    def can_fetch(self) -> bool:
        return self.is_mine and self.generation.can_fetch

    @property
    def can_retry(self) -> bool:
        """Ask for the same again, if nothing else helps better."""
        return self.is_mine and self.generation.can_retry and self.next_step in ("", "retry", "admin")

    @property
    def can_dismiss(self) -> bool:
        return self.is_mine and self.generation.state in ENDED_IN_VAIN

    @property
    def is_new(self) -> bool:
        return self.is_mine and self.generation.is_new

    @property
    def can_be_voted_on(self) -> bool:
        batch = self.generation.batch
        is_compared = batch is not None and batch.kind == batch.Kind.COMPARISON
        return is_compared and self.generation.state == State.COMPLETED


def cards_of(generations: Iterable[Generation], person: Person) -> list[Card]:
    cards = [Card(generation, person) for generation in generations]
    models = (card.generation.model for card in cards)
    ImageModel.objects.all().label_replacements(model for model in models if not model.is_on_offer)
    return cards


# So many failures of one kind in a row are folded into one.
FOLDED_FROM = 3


def folded(cards: Iterable[Card]) -> list[list[Card]]:
    """The cards in their order. Neighbours that ended for the same reason are one list; others are alone in theirs."""
    runs = (list(run) for _, run in groupby(cards, key=_fold_key))
    return [piece for run in runs for piece in ([run] if len(run) >= FOLDED_FROM else [[card] for card in run])]


def _fold_key(card: Card) -> object:
    return card.ended_words if card.is_line and card.is_mine else card.generation.pk


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes on a comparison say; `winner` is the generation with the most, None in a tie."""

    words: str
    winner: int | None = None


def verdict(cards: Iterable[Card]) -> Verdict | None:
    """None without a vote. Rows of `queries.cards.for_cards` have the votes."""
    counted = [(getattr(card.generation, "vote_count", None) or 0, card.generation) for card in cards]
    first, second = ([*sorted(counted, key=lambda row: -row[0]), (0, None), (0, None)])[:2]
    if first[1] is None or not first[0]:
        return None
    if first[0] == second[0]:
        return Verdict(_("A tie, %(first)s : %(second)s") % {"first": first[0], "second": second[0]})
    values = {"model": first[1].model.label, "first": first[0], "second": second[0]}
    return Verdict(_("%(model)s wins %(first)s : %(second)s") % values, first[1].pk)


def retry_price(cards: Iterable[Card]) -> Decimal | None:
    """What retrying all that failed of these would cost; None where nothing failed, or a price is not known."""
    prices = [card.again_price for card in cards if card.is_mine and card.generation.can_retry]
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(prices) else None
