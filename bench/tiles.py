"""How much faster the parts of a picture's tile are in Python than as templates: `python -m bench.tiles`.

It prints the ratio for a page of 30 tiles, and fails if the two do not make the same HTML. ADR 13 has the decision.
"""

import os
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import django

TILES = 30
ROUNDS = 9
# One include for each part, as templates/ would have it.
PARTS = {
    "tile": '{% include "picture" %}{% include "heart" %}{% include "trash" %}',
    "picture": """{% load pictures %}<svg class="blur" viewBox="0 0 2 2" preserveAspectRatio="none" aria-hidden="true">
<rect width="1" height="1" fill="{{ picture.placeholder.0 }}"/><rect x="1" width="1" height="1"
 fill="{{ picture.placeholder.1 }}"/><rect y="1" width="1" height="1" fill="{{ picture.placeholder.2 }}"/>
<rect x="1" y="1" width="1" height="1" fill="{{ picture.placeholder.3 }}"/></svg><picture>
{% with webp=picture|srcset:'webp' avif=picture|srcset:'avif' %}
{% if avif %}<source type="image/avif" srcset="{{ avif }}" sizes="{{ sizes }}">{% endif %}
{% if webp %}<source type="image/webp" srcset="{{ webp }}" sizes="{{ sizes }}">{% endif %}{% endwith %}
<img src="{{ picture|src }}" width="{{ picture.width }}" height="{{ picture.height }}" alt="{{ picture.alt }}"
 loading="lazy" decoding="async"></picture>""",
    "heart": """{% url 'picture_favourite' picture.pk as address %}
<form id="favourite-{{ picture.pk }}" class="favourite" method="post" action="{{ address }}" hx-post="{{ address }}"
 hx-target="this" hx-swap="outerMorph" hx-sync="this:drop">
<input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf_token }}">
<input type="hidden" name="favourite" value="{{ picture.is_favourite|yesno:'0,1' }}" autocomplete="off">
<button class="btn" type="submit" id="favourite-{{ picture.pk }}-button"
 aria-pressed="{{ picture.is_favourite|yesno:'true,false' }}" data-key="f" aria-label="Favourite" title="Favourite">
<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linejoin="round"
 aria-hidden="true"><path d="M2 9.5a5.5 5.5 0 0 1 9.591-3.676.56.56 0 0 0 .818 0A5.49 5.49 0 0 1 22 9.5c0 2.29-1.5
 4-3 5.5l-5.492 5.313a2 2 0 0 1-3 .019L5 15c-1.5-1.5-3-3.2-3-5.5"/></svg></button></form>""",
    "trash": """<form method="post" action="{% url 'picture_trash' picture.pk %}" data-trash>
<input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf_token }}">
<button class="btn" type="submit" data-key="Delete" aria-label="Put into the trash" title="Put into the trash">
{% icon "trash-2" %}</button></form>""",
    "by templates": '{% for picture in pictures %}{% include "tile" %}{% endfor %}',
    "in Python": """{% load pictures %}{% for picture in pictures %}{% boxed picture sizes %}
{% favourite picture.pk picture.is_favourite %}{% trash picture.pk %}{% endfor %}""",
}


def seconds(work: Callable[[], str]) -> float:
    """CPU time, the best of several rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(20):
            work()
        times.append(time.process_time() - begin)
    return min(times)


def squeezed(html: str) -> str:
    """Without the white space between tags, which the two ways break differently."""
    return re.sub(r"\s*([<>])\s*", r"\1", re.sub(r"\s+", " ", html))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemonstudio.settings")
    os.environ.setdefault("LEMONSTUDIO_ENV", "local")
    django.setup()
    from django.template import Context, Engine

    from gallery.models import Generation, Picture

    engine = Engine(
        loaders=[("django.template.loaders.cached.Loader", [("django.template.loaders.locmem.Loader", PARTS)])],
        libraries={"pictures": "gallery.templatetags.pictures"},
        builtins=["gallery.templatetags.icons"],
    )
    pictures: list[Any] = []
    for pk in range(1, TILES + 1):
        picture = Picture(pk=pk, generation=Generation(prompt="A lemon tree"), sha256="0" * 64, width=1024, height=768)
        picture.placeholder = ["#112233", "#445566", "#778899", "#aabbcc"]
        picture.thumbnails = {"webp": [320, 480, 960], "avif": [320, 480, 960]}
        pictures.append(picture)
        pictures[-1].is_favourite = pk % 2 == 0
    values = {"pictures": pictures, "sizes": "(min-width: 50rem) 34rem, 50vw", "csrf_token": "t" * 64}

    def render(name: str) -> str:
        return engine.get_template(name).render(Context(values))

    assert squeezed(render("in Python")) == squeezed(render("by templates")), "the two make different HTML"
    python, templates = (seconds(partial(render, name)) for name in ("in Python", "by templates"))
    print(f"{TILES} tiles: templates take {templates / python:.1f} times as long as Python")  # noqa: T201 its output


if __name__ == "__main__":
    main()
