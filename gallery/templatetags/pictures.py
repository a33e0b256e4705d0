"""The parts of a picture's tile, and the addresses of its files.

The parts are built in Python because a page can show hundreds of them. Measured for ADR 13: 30 tiles took 2.3 ms here,
and 9.2 ms with an `{% include %}` for each part. `python -m bench.tiles` prints the ratio on your machine.
"""

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from gallery.models import Picture
from gallery.templatetags.icons import icon
from gallery.web import pictures as urls
from gallery.web.guests import GuestPicture
from gallery.web.pictures import PictureFiles, files_of

register = template.Library()


def _files(picture: Picture | GuestPicture) -> PictureFiles:
    return picture.files if isinstance(picture, GuestPicture) else files_of(picture)


@register.filter
def src(picture: Picture | GuestPicture) -> str:
    return _files(picture).src


@register.filter
def small_src(picture: Picture | GuestPicture) -> str:
    return _files(picture).small_src


@register.filter
def srcset(picture: Picture | GuestPicture, format: str) -> str:
    return _files(picture).srcset(format)


@register.filter
def original_url(picture: Picture) -> str:
    return urls.original_url(picture)


@register.filter
def full_url(picture: Picture) -> str:
    return urls.full_url(picture)


@register.filter
def ratio_class(picture: Picture | GuestPicture) -> str:
    return urls.ratio_class(picture.width, picture.height)


_BLUR = (
    '<svg class="blur" viewBox="0 0 2 2" preserveAspectRatio="none" aria-hidden="true">'
    '<rect width="1" height="1" fill="{}"/><rect x="1" width="1" height="1" fill="{}"/>'
    '<rect y="1" width="1" height="1" fill="{}"/><rect x="1" y="1" width="1" height="1" fill="{}"/></svg>'
)
_SOURCE = '<source type="image/{}" srcset="{}" sizes="{}">'
_PICTURE = '{}<picture>{}{}<img src="{}" width="{}" height="{}" alt="{}" {} decoding="async"></picture>'
_LAZY = mark_safe('loading="lazy"')
# What a person sees first is not held up by what lies below.
_AT_ONCE = mark_safe('fetchpriority="high"')


@register.simple_tag
def placeholder(picture: Picture | GuestPicture) -> SafeString:
    """Four colours that fill the box until the picture has come."""
    return format_html(_BLUR, *[*picture.placeholder, "", "", "", ""][:4])


@register.simple_tag
def boxed(picture: Picture | GuestPicture, sizes: str, decorative: object = False) -> SafeString:
    """A picture that fills its box, and its placeholder. `decorative` leaves out the alternative text."""
    files = _files(picture)
    sources = {"avif": files.srcset("avif"), "webp": files.srcset("webp")}
    return format_html(
        _PICTURE,
        placeholder(picture),
        *(format_html(_SOURCE, kind, srcset, sizes) if srcset else "" for kind, srcset in sources.items()),
        files.src,
        picture.width,
        picture.height,
        "" if decorative else picture.alt,
        _AT_ONCE if urls.is_in_first_row(picture) else _LAZY,
    )


# The heart is not in the sprite: it has to be filled.
_FAVOURITE = (
    '<form id="favourite-{0}" class="favourite" method="post" action="{1}"'
    ' hx-post="{1}" hx-target="this" hx-swap="outerMorph" hx-sync="this:drop">'
    '<input type="hidden" name="csrfmiddlewaretoken" value="{2}">'
    '<input type="hidden" name="favourite" value="{3}" autocomplete="off">{4}'
    '<button class="btn" type="submit" id="favourite-{0}-button" aria-pressed="{5}" data-key="f"{6}>'
    '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
    ' stroke-linejoin="round" aria-hidden="true">'
    '<path d="M2 9.5a5.5 5.5 0 0 1 9.591-3.676.56.56 0 0 0 .818 0A5.49 5.49 0 0 1 22 9.5c0 2.29-1.5'
    ' 4-3 5.5l-5.492 5.313a2 2 0 0 1-3 .019L5 15c-1.5-1.5-3-3.2-3-5.5"/></svg>{7}</button></form>'
)
_IN_WORDS = mark_safe('<input type="hidden" name="in_words" value="1">')


@register.simple_tag(takes_context=True)
def favourite(context: Context, pk: int, is_favourite: object, in_words: object = False) -> SafeString:
    """The button that makes a picture a favourite, or stops it from being one.

    `in_words` gives it a label and an id of its own, for a second one beside that on the tile.
    """
    said = _("Favourite")
    return format_html(
        _FAVOURITE,
        f"{pk}-here" if in_words else pk,
        reverse("picture_favourite", args=[pk]),
        context.get("csrf_token", ""),
        "0" if is_favourite else "1",
        _IN_WORDS if in_words else "",
        "true" if is_favourite else "false",
        "" if in_words else format_html(' aria-label="{0}" title="{0}"', said),
        said if in_words else "",
    )


_TRASH = (
    '<form method="post" action="{}" data-trash><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
    '<button class="{}" type="submit" data-key="Delete"{}>{}{}</button></form>'
)


@register.simple_tag(takes_context=True)
def trash(context: Context, pk: int, in_menu: object = False) -> SafeString:
    """The button that puts a picture into the trash: an icon, or a line of a menu."""
    said = _("Move to trash")
    return format_html(
        _TRASH,
        reverse("picture_trash", args=[pk]),
        context.get("csrf_token", ""),
        "menu-item" if in_menu else "btn",
        "" if in_menu else format_html(' aria-label="{0}" title="{0}"', said),
        icon("trash-2"),
        said if in_menu else "",
    )
