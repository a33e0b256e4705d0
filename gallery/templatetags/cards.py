"""Lists of cards; and those that have ended well, kept as HTML.

A feed shows the same cards again and again, and Django's templates take most of a page's time for them. What is kept
depends on everything that the card's row, its pictures and the few rows beside it say, so it is never out of date.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from gallery.web.cards import Card, folded, retry_price, verdict
from gallery.web.pictures import is_in_first_row

register = template.Library()
register.filter("folded", folded)
register.filter("retry_price", retry_price)
register.filter("verdict", verdict)

# In each process; a card has some three thousand characters.
MOST_KEPT = 400
# Stands for the CSRF token, which is another one in each answer. No prompt can contain it.
TOKEN = secrets.token_hex(16)


class _Kept:
    """The latest that were asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._texts: OrderedDict[Hashable, str] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], str]) -> str:
        with self._lock:
            if text := self._texts.get(key):
                self._texts.move_to_end(key)
                return text
        text = make()
        with self._lock:
            self._texts[key] = text
            while len(self._texts) > self._most:
                self._texts.popitem(last=False)
        return text


_kept = _Kept(MOST_KEPT)


@register.simple_tag(takes_context=True)
def card_html(context: Context, card: Card) -> SafeString:
    """`generations/_generation_card.html` with this card."""
    if not card.is_settled or settings.DEBUG:
        return mark_safe(_render(context, card, context.get("csrf_token", "")))  # noqa: S308 a template's output
    text = _kept.get(_key(context, card), lambda: _render(context, card, TOKEN))
    return mark_safe(text.replace(TOKEN, str(context.get("csrf_token", ""))))  # noqa: S308 and a token


def _render(context: Context, card: Card, token: object) -> str:
    engine: Any = context.template
    page = engine.engine.get_template("generations/_generation_card.html")
    with context.push(card=card, csrf_token=token):
        return str(page.render(context))


def _key(context: Context, card: Card) -> Hashable:
    row, model = card.generation, card.generation.model
    return (
        *(str(context.get(name, "")) for name in ("feed", "within")),
        get_language(),
        # What they may do.
        (context["user"].pk, context["user"].is_staff, card.is_mine, card.again_price),
        _facts(row),
        (model.label, model.slug, model.is_on_offer, model.replacement, model.replacement_label),
        (row.author.name, row.gallery and row.gallery.name, row.batch and row.batch.kind),
        *((_facts(picture), is_in_first_row(picture)) for picture in card.pictures),
    )


def _facts(row: Any) -> str:
    """All columns of a row, and what the query added to it."""
    return repr([(name, value) for name, value in row.__dict__.items() if name not in ("_state", "shown_pictures")])
