"""How a prompt is expanded."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.models.prompts import TooMany, expand, fill_in, is_json, split, variables


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
        (r"A \{red\|green\} door", ["A {red|green} door"]),
        (r"A {red\|blue|green} door", ["A red|blue door", "A green door"]),
        (r"C:\new {a|b}", [r"C:\new a", r"C:\new b"]),
        ('{"scene": "a lighthouse|at dusk", "style": "ink"}', ['{"scene": "a lighthouse|at dusk", "style": "ink"}']),
        ('[{"a": "{b|c}"}]', ['[{"a": "{b|c}"}]']),
        ('{"scene": "not closed|yet"', ['{"scene": "not closed|yet"']),
    ],
)
def test_wildcards_are_expanded(typed: str, meant: list[str]) -> None:
    assert expand(typed, limit=100) == meant


def test_each_line_can_be_a_prompt() -> None:
    typed = "A {red|green} door\n\n  A window  \nA window"
    assert expand(typed, per_line=True, limit=100) == ["A red door", "A green door", "A window"]


def test_prompt_without_wildcards_stays_unchanged() -> None:
    assert expand("two  spaces stay", limit=1) == ["two  spaces stay"]


def test_too_many_prompts_are_refused_without_making_them() -> None:
    assert len(expand("{1|2}{1|2}{1|2}", limit=8)) == 8
    with pytest.raises(TooMany):
        expand("{1|2}{1|2}{1|2}", limit=7)
    with pytest.raises(TooMany):
        expand("{1|2|3|4|5|6|7|8|9}" * 40, limit=100)
    assert expand("{1|1}" * 60, limit=100) == ["1" * 60], "equal choices count once"


@given(st.text(alphabet="ab {}|\n", max_size=60), st.booleans())
def test_any_text_expands_or_is_refused(typed: str, per_line: bool) -> None:
    try:
        prompts = expand(typed, per_line=per_line, limit=50)
    except TooMany:
        return
    assert len(prompts) == len(set(prompts)) <= 50


def test_template_has_variables() -> None:
    text = "A {{ subject }} in the style of {{style}}, {{subject}} {red|green}"
    assert variables(text) == ["subject", "style"]
    assert fill_in(text, {"subject": "fox", "style": ""}) == "A fox in the style of {{style}}, fox {red|green}"


def test_values_are_not_expanded_again() -> None:
    assert fill_in("{{a}} {{b}}", {"a": "{{b}}", "b": r"\1"}) == r"{{b}} \1"


def test_json_is_one_prompt_even_by_line() -> None:
    typed = '{\n  "scene": "a {red|green} door",\n  "style": "ink"\n}'
    assert expand(typed, per_line=True, limit=100) == [typed]


def test_json_on_each_line_is_a_prompt_each() -> None:
    assert expand('{"a": "x|y"}\n{"a": "z"}', per_line=True, limit=100) == ['{"a": "x|y"}', '{"a": "z"}']


@pytest.mark.parametrize("text", ["[" * 40_000, "{red|green}", "{}|", "A {red|green} door", "", '"a": {b|c}'])
def test_only_json_counts_as_json(text: str) -> None:
    assert is_json(text) is (text == "[" * 40_000)


def test_name_of_more_than_forty_letters_is_no_variable() -> None:
    assert variables("{{" + "a" * 40 + "}} {{" + "b" * 41 + "}}") == ["a" * 40]
    assert split("x {{ a }} y") == [("x ", False), ("a", True), (" y", False)]


HOSTILE = [
    "{" + "|" * 1000,
    "{" * 1000,
    "{{" + " " * 998 + "x",
    "{a|b}" * 200,
    "{1|1}" * 200,
    "}|{" * 333,
    "\\{|" * 333,
]


@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_time_grows_linearly(piece: str) -> None:
    def seconds(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.thread_time()
            with contextlib.suppress(TooMany):
                expand(text, limit=100)
            variables(text), split(text), fill_in(text, {"x": "y"})
            best = min(best, time.thread_time() - begun)
        return best

    # Eight times the length: quadratic time would be 64 times as much.
    assert seconds(piece * 80) < 24 * seconds(piece * 10) + 0.005
