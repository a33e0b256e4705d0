"""What the painter promises: the size, sameness, variety, and any text without falling over."""

import io
import itertools
import time

import pytest
from PIL import Image, ImageStat

from lemonstudio.sandbox.models import MODELS
from lemonstudio.sandbox.painter import paint, png
from lemonstudio.sandbox.painter.lettering import drawable, headline
from tests.support.properties import IS_NIGHTLY

EVERY = [
    (model.id, size)
    for model in MODELS.values()
    for size in sorted(
        {
            model.pixels(dict(zip([option.name for option in model.options], choices, strict=True)))
            for choices in itertools.product(*(option.choices for option in model.options))
        }
    )
]
LARGEST = max(EVERY, key=lambda one: one[1][0] * one[1][1])
# A painter is told apart by shapes: the smallest of each, and the largest size there is. At night, all of them.
ONE_OF_EACH_SHAPE = {(model, round(size[0] / size[1], 1)): (model, size) for model, size in reversed(EVERY)}.values()
PAINTED = EVERY if IS_NIGHTLY else [*ONE_OF_EACH_SHAPE, LARGEST]


@pytest.mark.parametrize(("model", "size"), PAINTED)
def test_the_file_has_exactly_the_size_and_is_painted_while_one_waits(model, size):
    start = time.process_time()
    file = png(model, "a harbour in the rain", 3, 0, size)
    # The budget is 0.4 s for a million pixels; a busy or an old machine gets four times that.
    assert time.process_time() - start < 1.6 * max(1, size[0] * size[1] / 1024**2)
    picture = Image.open(io.BytesIO(file))
    picture.load()
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", size)
    # Not one flat colour in any quarter.
    width, height = picture.size
    for box in ((0, 0, width // 2, height // 2), (width // 2, height // 2, width, height)):
        assert max(ImageStat.Stat(picture.crop(box)).stddev) > 4


@pytest.mark.parametrize("model", MODELS)
def test_the_same_wish_is_the_same_picture_and_any_other_another(model):
    def draw(prompt: str = "a fox", seed: int = 1, index: int = 0) -> bytes:
        return png(model, prompt, seed, index, (256, 256))

    first = draw()
    assert draw() == first
    assert len({first, draw(seed=2), draw(index=1), draw("a bear")}) == 4


@pytest.mark.parametrize(
    "prompt", ["", "猫が雨を見ている", "🍋🍋🍋", "Crème brûlée, s'il vous plaît", "W" * 300, "a\x00b\nc…"]
)
@pytest.mark.parametrize("model", MODELS)
def test_any_text_can_be_painted(model, prompt):
    assert paint(model, prompt, 0, 0, (256, 256)).size == (256, 256)


def test_text_is_drawn_only_where_the_font_has_it():
    assert drawable("Crème brûlée – Straße") == "Creme brulee - Strasse"
    assert drawable("猫が雨を見ている") == ""
    assert drawable("line\none\ttwo") == "line one two"
    assert headline("A red fox in the snow, oil on canvas", 3) == ["RED", "FOX", "IN THE SNOW"]
    assert headline("猫", 3) == []
