"""What a person types into one prompt, and the prompts that it stands for.

A {red|green} door        two prompts, one for each colour
one prompt on each line   as many prompts as lines, where that is asked for
A door in {{style}}       a template's variable, left alone here
"""

import re
from collections.abc import Iterator
from itertools import product

# One pair of braces with a bar inside. Double braces are a template's.
_WILDCARD = re.compile(r"(?<!\{)\{([^{}]*\|[^{}]*)\}(?!\})")
_VARIABLE = re.compile(r"\{\{\s*([^{}|]{1,40}?)\s*\}\}")


class TooMany(ValueError):
    """It stands for more prompts than may be sent at once."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} prompts")
        self.limit = limit


def expand(text: str, *, per_line: bool = False, limit: int) -> list[str]:
    """The prompts that `text` stands for, in the order in which a person would read them, none twice.

    Raises TooMany beyond `limit`, without making all of them first.
    """
    lines = [line.strip() for line in text.splitlines()] if per_line else [text]
    prompts: dict[str, None] = {}
    for tries, prompt in enumerate(prompt for line in lines if line for prompt in _combinations(line)):
        if prompt:
            prompts[prompt] = None
        # The same choice again and again makes few prompts of many combinations.
        if len(prompts) > limit or tries > 20 * limit:
            raise TooMany(limit)
    return list(prompts)


def _combinations(text: str) -> Iterator[str]:
    parts = _WILDCARD.split(text)
    fixed, wild = parts[::2], [[choice.strip() for choice in part.split("|")] for part in parts[1::2]]
    for chosen in product(*wild):
        pieces = [piece for pair in zip(fixed, [*chosen, ""], strict=True) for piece in pair]
        yield re.sub(r"  +", " ", "".join(pieces)).strip() if wild else text


def variables(text: str) -> list[str]:
    """The names of a template's variables, in order of their first appearance."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def split(text: str) -> list[tuple[str, bool]]:
    """The template in pieces, and of each whether it is a variable's name."""
    pieces = [(piece, bool(place % 2)) for place, piece in enumerate(_VARIABLE.split(text))]
    return [(piece, is_variable) for piece, is_variable in pieces if piece]


def fill_in(text: str, values: dict[str, str]) -> str:
    """The template with its variables replaced; one without a value stays as it is."""
    return _VARIABLE.sub(lambda match: values.get(match[1]) or match[0], text)
