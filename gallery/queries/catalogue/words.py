"""Models, options, prices and differences in words for people."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any

from django.utils.translation import gettext as _

from gallery.models.numbers import rounded, whole
from gallery.models.options import ANY, Option, OptionKind, kind_of, option_from
from gallery.queries.catalogue.values import OPTION, model_field, plain


def name_in_words(key: str, value: Any) -> str:
    """What a key is called. `value` is the option, if the key names one."""
    if key.startswith(OPTION):
        return _("option %(label)s (%(name)s)") % {"label": value["label"], "name": value["name"]}
    return str(model_field(key).verbose_name)


def value_in_words(key: str, value: Any) -> str:
    if key.startswith(OPTION):
        return option_in_words(value) if value else _("not there")
    if key in _BY_KEY:
        return _BY_KEY[key](value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value) or _("none")


def _price_in_words(price: str | None) -> str:
    return _("not known") if price is None else money(Decimal(price))


def _prices_in_words(rows: list[dict[str, Any]]) -> str:
    return "; ".join(f"{choices_in_words(row['when'])}: {money(Decimal(row['price']))}" for row in rows) or _("none")


def _token_prices_in_words(rates: Mapping[str, str]) -> str:
    said = (f"{name.replace('_', ' ')} {money(Decimal(rate))}" for name, rate in rates.items())
    return (_("%(prices)s per million tokens") % {"prices": ", ".join(said)}) if rates else _("none")


def _routes_in_words(routes: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(
        _("%(operation)s to %(endpoint)s") % {"operation": operation, "endpoint": route["endpoint"]}
        for operation, route in routes.items()
    ) or _("the usual")


def _rules_in_words(rules: list[Mapping[str, Any]]) -> str:
    return "; ".join(map(_rule_in_words, rules)) or _("none")


def _rule_in_words(rule: Mapping[str, Any]) -> str:
    said = []
    for name, values in rule.items():
        wanted = [values] if isinstance(values, str) else values
        words = reduce(_either, ({"": _("not chosen"), ANY: _("of any value")}.get(one, one) for one in wanted))
        said.append(f"{name.replace('_', ' ')} {words}")
    return reduce(_both, said)


def _either(before: str, one: str) -> str:
    return _("%(before)s or %(one)s") % {"before": before, "one": one}


def _both(before: str, one: str) -> str:
    return _("%(before)s with %(one)s") % {"before": before, "one": one}


def _limit_in_words(characters: int) -> str:
    return _("%(count)s characters") % {"count": whole(characters)}


def life_in_words(life: Mapping[str, Any]) -> str:
    """Its stage, last day, replacement, and whether it is free."""
    said = [life.get("stage", "active")]
    if life.get("sunset_at"):
        said.append(_("until %(day)s") % {"day": life["sunset_at"][:10]})
    if life.get("replacement"):
        said.append(_("replaced by %(replacement)s") % {"replacement": life["replacement"]})
    if life.get("is_free"):
        until = life.get("free_until", "")[:10]
        said.append(_("free until %(day)s") % {"day": until} if until else _("free"))
    if life.get("reason"):
        said.append(life["reason"])
    return ", ".join(said)


_BY_KEY: dict[str, Callable[[Any], str]] = {
    "price": _price_in_words,
    "prices": _prices_in_words,
    "token_prices": _token_prices_in_words,
    "routes": _routes_in_words,
    "ruled_out": _rules_in_words,
    "lifecycle": life_in_words,
    "prompt_limit": _limit_in_words,
}


def option_in_words(row: Mapping[str, Any]) -> str:
    """Its values, its default, and the operations that have it."""
    option = option_from(row)
    said = [_values_in_words(option)]
    if option.choices != (option.default,):
        said.append(
            _("%(default)s unless chosen") % {"default": option.default}
            if option.default
            else _("not sent unless chosen")
        )
    said += [f"{name.capitalize()}: {', '.join(choices)}" for name, choices in option.choices_for]
    if option.operations:
        said.append(_("for %(operations)s only") % {"operations": ", ".join(option.operations)})
    return "; ".join(said)


def _values_in_words(option: Option) -> str:
    proposed = ", ".join(option.choices)
    match option.kind:
        case OptionKind.INTEGER | OptionKind.DECIMAL:
            return _span_in_words(option)
        case OptionKind.TEXT:
            return _("a text")
        case OptionKind.BOOLEAN:
            return _("yes or no")
        case OptionKind.SIZE:
            return (_("any size (%(proposed)s)") % {"proposed": proposed}) if proposed else _("any size")
        case _:
            return proposed


def _span_in_words(option: Option) -> str:
    is_whole = option.kind is OptionKind.INTEGER
    if option.minimum is not None and option.maximum is not None:
        return _("%(least)s to %(most)s") % {"least": plain(option.minimum), "most": plain(option.maximum)}
    if option.minimum is not None:
        words = _("a whole number from %(least)s") if is_whole else _("a number from %(least)s")
        return words % {"least": plain(option.minimum)}
    if option.maximum is not None:
        words = _("a whole number up to %(most)s") if is_whole else _("a number up to %(most)s")
        return words % {"most": plain(option.maximum)}
    return _("a whole number") if is_whole else _("a number")


def change_in_words(key: str, now: Any, then: Any) -> str:
    """What differs between two options whose lists are too long to compare by eye; "" for other keys."""
    if not key.startswith(OPTION):
        return ""
    if now is None or then is None:
        return _("a new option") if now is None else _("no such option any more")
    if kind_of(now) is not kind_of(then):
        return _("%(then)s instead of %(now)s") % {"then": kind_of(then), "now": kind_of(now)}
    here, there = now.get("choices", []), then.get("choices", [])
    if not here or not there:
        return ""
    more = [one for one in there if one not in here]
    less = [one for one in here if one not in there]
    said = [_("adds %(choices)s") % {"choices": ", ".join(more)}] if more else []
    if less:
        said.append(_("takes away %(choices)s") % {"choices": ", ".join(less)})
    if then.get("default") and str(now.get("default")) != str(then["default"]):
        said.append(_("%(default)s unless chosen") % {"default": then["default"]})
    return "; ".join(said)


def choices_in_words(when: Mapping[str, str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {choice}" for name, choice in when.items())


def money(amount: Decimal) -> str:
    """US dollars: $0.04, $0.0025."""
    places = max(2, len(plain(amount).partition(".")[2]))
    return _("$%(amount)s") % {"amount": rounded(amount, places)}
