"""A prompt as a person types it, and the prompts that it stands for.

A {red|green} door        two prompts, one for each colour
A \\{red\\|green\\} door     one prompt, with its braces and its bar
{"scene": "a|b"}          one prompt: JSON is sent as it was typed
one prompt on each line   as many prompts as lines, if the person asks for that
A door in {{style}}       the variable of a template, left alone here

All of it takes time in proportion to the length of the text, because members type it and shared templates store it.
"""

import json
import re
from collections.abc import Iterator
from itertools import product
from math import prod

_PIECE = re.compile(r"\\[{}|]|[{}|]|\\|[^\\{}|]+")
_ESCAPES = {r"\{": "{", r"\}": "}", r"\|": "|"}
_JSON_KEY = re.compile(r'"\s*:')
# Bounded, or many spaces after an opening brace would be read again and again.
_VARIABLE = re.compile(r"\{\{([^{}|]{1,80})\}\}")
LONGEST_VARIABLE = 40
# A reference picture: not the end of an address or a handle, and of two digits at most.
_REFERENCE = re.compile(r"(?<![\w@.])@(\d{1,2})(?!\w)")


class TooMany(ValueError):
    """The text stands for more prompts than one submit may send."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} prompts")
        self.limit = limit


def is_json(text: str) -> bool:
    """Whether the text is JSON, or was meant to be: then its braces and bars are no alternatives."""
    return _parses(text) or (text.lstrip().startswith("{") and bool(_JSON_KEY.search(text)))


def _parses(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def expand(text: str, *, per_line: bool = False, limit: int) -> list[str]:
    """The prompts that `text` stands for, in reading order, each once.

    Raises TooMany beyond `limit`, before it makes all of them.
    """
    by_line = per_line and not _parses(text)
    lines = [line.strip() for line in text.splitlines()] if by_line else [text]
    prompts: dict[str, None] = {}
    for tries, prompt in enumerate(prompt for line in lines if line for prompt in _combinations(line, limit)):
        if prompt:
            prompts[prompt] = None
        # Lines and choices that repeat make few prompts of many combinations.
        if len(prompts) > limit or tries > 20 * limit:
            raise TooMany(limit)
    return list(prompts)


def _combinations(text: str, limit: int) -> Iterator[str]:
    if is_json(text):
        yield text
        return
    parts = _parts(text)
    if not any(isinstance(part, list) for part in parts):
        yield "".join(map(str, parts))
        return
    choices = [part if isinstance(part, list) else [part] for part in parts]
    if prod(map(len, choices)) > 20 * limit:
        raise TooMany(limit)
    for chosen in product(*choices):
        yield re.sub(r"  +", " ", "".join(chosen)).strip()


def _parts(text: str) -> list[str | list[str]]:
    """The text in pieces: a string that stays, or the choices of one pair of braces with a bar inside, each once.

    Double braces belong to templates, and a pair of braces without a bar is no choice.
    """
    pieces = _PIECE.findall(text)
    parts: list[str | list[str]] = []
    literal: list[str] = []
    opened: int | None = None  # where in `literal` the pair of braces begins that may turn out to be a choice
    bars: list[int] = []
    for place, piece in enumerate(pieces):
        literal.append(_ESCAPES.get(piece, piece))
        if piece == "{":
            is_double = place > 0 and pieces[place - 1] == "{"
            opened, bars = (None if is_double else len(literal) - 1), []
        elif piece == "|" and opened is not None:
            bars.append(len(literal) - 1)
        elif piece == "}" and opened is not None:
            if bars and pieces[place + 1 : place + 2] != ["}"]:
                ends = [*bars, len(literal) - 1]
                begins = [opened + 1, *(bar + 1 for bar in bars)]
                choices = ["".join(literal[i:j]).strip() for i, j in zip(begins, ends, strict=True)]
                parts += ["".join(literal[:opened]), list(dict.fromkeys(choices))]
                literal = []
            opened, bars = None, []
    return [*parts, "".join(literal)]


def variables(text: str) -> list[str]:
    """The names of a template's variables, in order of their first appearance."""
    return list(dict.fromkeys(piece for piece, is_variable in split(text) if is_variable))


def split(text: str) -> list[tuple[str, bool]]:
    """The template in pieces, each with whether it is the name of a variable."""
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        name = match[1].strip()
        if 1 <= len(name) <= LONGEST_VARIABLE:
            pieces += [(text[end : match.start()], False), (name, True)]
            end = match.end()
    pieces.append((text[end:], False))
    return [(piece, is_variable) for piece, is_variable in pieces if piece]


def fill_in(text: str, values: dict[str, str]) -> str:
    """The template with its variables replaced; one without a value stays as it is."""
    return _VARIABLE.sub(lambda match: values.get(match[1].strip()) or match[0], text)


def named_references(prompt: str) -> set[int]:
    """The reference pictures that a prompt names: 1 for “@1”."""
    return {int(number) for number in _REFERENCE.findall(prompt)}


def with_references_in_words(prompt: str) -> str:
    """The prompt as models understand it: “image 1” for “@1”."""
    return _REFERENCE.sub(r"image \1", prompt)
