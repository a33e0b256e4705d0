"""Models, options, prices and differences in words for people."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gallery.models.options import ANY, Option, OptionKind, kind_of, option_from
from gallery.queries.catalogue.values import OPTION, model_field, plain


def name_in_words(key: str, value: Any) -> str:
    """What a key is called. `value` is the option, if the key names one."""
    if key.startswith(OPTION):
        return f"option {value['label']} ({value['name']})"
    return str(model_field(key).verbose_name)


def value_in_words(key: str, value: Any) -> str:
    if key.startswith(OPTION):
        return option_in_words(value) if value else "not there"
    if key in _BY_KEY:
        return _BY_KEY[key](value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def _price_in_words(price: str | None) -> str:
    return "not known" if price is None else money(Decimal(price))


def _prices_in_words(rows: list[dict[str, Any]]) -> str:
    return "; ".join(f"{choices_in_words(row['when'])}: {money(Decimal(row['price']))}" for row in rows) or "none"


def _token_prices_in_words(rates: Mapping[str, str]) -> str:
    said = (f"{name.replace('_', ' ')} {money(Decimal(rate))}" for name, rate in rates.items())
    return f"{', '.join(said)} per million tokens" if rates else "none"


def _routes_in_words(routes: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{operation} to {route['endpoint']}" for operation, route in routes.items()) or "the usual"


def _rules_in_words(rules: list[Mapping[str, Any]]) -> str:
    return "; ".join(map(_rule_in_words, rules)) or "none"


def _rule_in_words(rule: Mapping[str, Any]) -> str:
    said = []
    for name, values in rule.items():
        wanted = [values] if isinstance(values, str) else values
        words = " or ".join({"": "not chosen", ANY: "of any value"}.get(one, one) for one in wanted)
        said.append(f"{name.replace('_', ' ')} {words}")
    return " with ".join(said)


def _limit_in_words(characters: int) -> str:
    return f"{characters:,} characters"


def life_in_words(life: Mapping[str, Any]) -> str:
    """Its stage, last day, replacement, and whether it is free."""
    said = [life.get("stage", "active")]
    if life.get("sunset_at"):
        said.append(f"until {life['sunset_at'][:10]}")
    if life.get("replacement"):
        said.append(f"replaced by {life['replacement']}")
    if life.get("is_free"):
        said.append("free" + (f" until {life['free_until'][:10]}" if life.get("free_until") else ""))
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
    words = _values_in_words(option)
    if option.choices != (option.default,):
        words += f"; {option.default} unless chosen" if option.default else "; not sent unless chosen"
    words += "".join(f"; {name.capitalize()}: {', '.join(choices)}" for name, choices in option.choices_for)
    return words + (f"; for {', '.join(option.operations)} only" if option.operations else "")


def _values_in_words(option: Option) -> str:
    proposed = ", ".join(option.choices)
    match option.kind:
        case OptionKind.INTEGER | OptionKind.DECIMAL:
            return _span_in_words(option)
        case OptionKind.TEXT:
            return "a text"
        case OptionKind.BOOLEAN:
            return "yes or no"
        case OptionKind.SIZE:
            return f"any size ({proposed})" if proposed else "any size"
        case _:
            return proposed


def _span_in_words(option: Option) -> str:
    number = "a whole number" if option.kind is OptionKind.INTEGER else "a number"
    if option.minimum is not None and option.maximum is not None:
        return f"{plain(option.minimum)} to {plain(option.maximum)}"
    if option.minimum is not None:
        return f"{number} from {plain(option.minimum)}"
    return number if option.maximum is None else f"{number} up to {plain(option.maximum)}"


def change_in_words(key: str, now: Any, then: Any) -> str:
    """What differs between two options whose lists are too long to compare by eye; "" for other keys."""
    if not key.startswith(OPTION):
        return ""
    if now is None or then is None:
        return "a new option" if now is None else "no such option any more"
    if kind_of(now) is not kind_of(then):
        return f"{kind_of(then)} instead of {kind_of(now)}"
    here, there = now.get("choices", []), then.get("choices", [])
    if not here or not there:
        return ""
    more = [one for one in there if one not in here]
    less = [one for one in here if one not in there]
    said = [f"{word} {', '.join(found)}" for word, found in (("adds", more), ("takes away", less)) if found]
    if then.get("default") and str(now.get("default")) != str(then["default"]):
        said.append(f"{then['default']} unless chosen")
    return "; ".join(said)


def choices_in_words(when: Mapping[str, str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {choice}" for name, choice in when.items())


def money(amount: Decimal) -> str:
    """US dollars: $0.04, $0.0025."""
    text = plain(amount)
    whole, _, rest = text.partition(".")
    return f"${int(whole):,}.{rest:0<2}"
