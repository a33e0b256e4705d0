"""What rows say, in the reader's language."""

from django import template
from django.utils.translation import gettext as _

from gallery.images.convert import Format, Shape
from gallery.models.sentences import in_readers_language
from gallery.web.pauses import pause_help, pause_words

register = template.Library()
register.filter("in_my_language", in_readers_language)
register.filter("pause_words", pause_words)
register.filter("pause_help", pause_help)


@register.filter
def shape_words(shape: Shape) -> str:
    """How the pictures of a download are wanted."""
    if shape.is_original:
        return _("Originals")
    kind = "WebP" if shape.format is Format.WEBP else shape.format.name
    size = _("%(side)d px") % {"side": shape.side} if shape.side else _("full size")
    return ", ".join([kind, size, _("with prompt and settings") if shape.settings else _("without metadata")])
