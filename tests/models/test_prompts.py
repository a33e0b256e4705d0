"""What one prompt stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.models.prompts import TooMany, expand, fill_in, variables


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("A lemon", ["A lemon"]),
        ("A {red|green} door", ["A red door", "A green door"]),
        ("{a|b} and {c|d}", ["a and c", "a and d", "b and c", "b and d"]),
        ("A {big|} lemon", ["A big lemon", "A lemon"]),
        ("{ red | red } door", ["red door"]),
        ("A {red} door", ["A {red} door"]),
        ("A {{style}} door", ["A {{style}} door"]),
        ("A {{style}} {red|green} door", ["A {{style}} red door", "A {{style}} green door"]),
        ("first\nsecond", ["first\nsecond"]),
        ("{|}", []),
        ("{a|}", ["a"]),
    ],
)
def test_wildcards(typed: str, meant: list[str]) -> None:
    assert expand(typed, limit=100) == meant


def test_each_line_is_a_prompt_where_that_is_asked_for() -> None:
    typed = "A {red|green} door\n\n  A window  \nA window"
    assert expand(typed, per_line=True, limit=100) == ["A red door", "A green door", "A window"]


def test_a_prompt_without_wildcards_is_left_as_it_was_typed() -> None:
    assert expand("two  spaces stay", limit=1) == ["two  spaces stay"]


def test_more_than_the_limit_is_refused_without_making_them_all() -> None:
    assert len(expand("{1|2}{1|2}{1|2}", limit=8)) == 8
    with pytest.raises(TooMany):
        expand("{1|2}{1|2}{1|2}", limit=7)
    with pytest.raises(TooMany):
        expand("{1|2|3|4|5|6|7|8|9}" * 40, limit=100)
    with pytest.raises(TooMany):
        expand("{1|1}" * 60, limit=100)


@given(st.text(alphabet="ab {}|\n", max_size=60), st.booleans())
def test_whatever_is_typed(typed: str, per_line: bool) -> None:
    try:
        prompts = expand(typed, per_line=per_line, limit=50)
    except TooMany:
        return
    assert len(prompts) == len(set(prompts)) <= 50


def test_a_templates_variables() -> None:
    text = "A {{ subject }} in the style of {{style}}, {{subject}} {red|green}"
    assert variables(text) == ["subject", "style"]
    assert fill_in(text, {"subject": "fox", "style": ""}) == "A fox in the style of {{style}}, fox {red|green}"


def test_what_is_filled_in_is_not_read_again() -> None:
    assert fill_in("{{a}} {{b}}", {"a": "{{b}}", "b": r"\1"}) == r"{{b}} \1"
