"""Words and frames for sizes."""

import pytest

from gallery.templatetags.shapes import shape_icon, shape_word


@pytest.mark.parametrize(
    ("size", "word"),
    [("1024x1024", "Square"), ("1792 × 1024", "Wide"), ("9:16", "Tall"), ("auto", ""), ("", ""), ("0x10", "")],
)
def test_size_is_named_by_its_shape(size: str, word: str) -> None:
    assert shape_word(size) == word


def test_frame_has_the_proportions_of_the_size_and_lies_in_the_middle() -> None:
    assert '<rect x="3" y="6.938" width="18" height="10.12" rx="2"/>' in shape_icon("16:9")
    assert shape_icon("auto") == ""
