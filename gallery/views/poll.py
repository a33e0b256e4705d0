"""The poll of a page: which of its cards have changed."""

from collections.abc import Iterable

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from gallery.models import Generation, Person, State
from gallery.models.states import UNDER_WAY
from gallery.queries.cards import for_cards
from gallery.views.cards import feed_of, mark_seen, under_way
from gallery.web.cards import Card, cards_of
from gallery.web.http import PersonRequest, number_in

POLLED_AT_ONCE = 200


@require_POST
def generation_poll(request: PersonRequest) -> HttpResponse:
    """The page says which unfinished cards it shows, and gets those that have changed; 204 if none has.

    When nothing is under way any more, the answer ends the polling.
    """
    person = request.user
    shown: dict[int, str] = {}
    for pending in request.POST.getlist("pending")[:POLLED_AT_ONCE]:
        text, _, version = pending.partition(":")
        if (pk := number_in(text)) is not None:
            shown[pk] = version
    # Read before the cards. A generation that ends in between then counts as under way, and the page asks once more.
    # The other way round, the page would stop asking, and show a card that never changes.
    beside = under_way(person)
    states = _states(person, shown)
    changed = [pk for pk, version, _ in states if str(version) != shown[pk]]
    waiting = any(state in UNDER_WAY for _, _, state in states)
    # The banner and the badge, which the page shows beside the cards.
    now_beside = (beside["account"].pause_code, str(beside["under_way"]))
    shown_beside = (request.POST.get("paused", ""), request.POST.get("under_way", now_beside[1]))
    if not changed and shown_beside == now_beside and (waiting or beside["under_way"]):
        return HttpResponse(status=204)
    cards = cards_of(for_cards(Generation.objects.filter(pk__in=changed).order_by("pk"), person), person)
    if not request.POST.get("hidden"):
        mark_seen(cards)
        for card in cards:
            card.generation.is_new = False
    context = {
        "cards": cards,
        "announcement": _announcement(cards),
        "feed": feed_of(request),
        "within": _within(request),
        "waiting": waiting,
        **beside,
    }
    return render(request, "generations/_poll.html", context)


def _states(person: Person, shown: Iterable[int]) -> list[tuple[int, int, str]]:
    """Id, version and state of those that this person may see. Most polls are about a person's own, which is quick."""
    rows, columns = Generation.objects.filter(pk__in=shown), ("pk", "version", "state")
    own = list(rows.filter(author=person).values_list(*columns))
    foreign = set(shown) - {pk for pk, _, _ in own}
    if not foreign:
        return own
    return own + list(Generation.objects.visible_to(person).filter(pk__in=foreign).values_list(*columns))


def _announcement(cards: list[Card]) -> str:
    """What a screen reader says of these changes. Only generations that have ended are worth an interruption."""
    done = sum(1 for card in cards if card.generation.state == State.COMPLETED)
    ended = sum(1 for card in cards if not card.generation.is_under_way) - done
    said = []
    if done:
        said.append(ngettext("A picture is ready.", "%(done)d pictures are ready.", done) % {"done": done})
    if ended:
        words = ngettext("One has ended without a picture.", "%(ended)d have ended without a picture.", ended)
        said.append(words % {"ended": ended})
    return " ".join(said)


def _within(request: PersonRequest) -> str:
    """On a batch's page, the list that its pictures' addresses name."""
    kind, _, text = request.POST.get("within", "").partition(":")
    number = number_in(text)
    return f"batch:{number}" if kind == "batch" and number is not None else ""
