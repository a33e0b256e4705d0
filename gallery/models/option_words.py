"""Labels and values of options that many models have. Rows of the catalogue hold them; pages translate them."""

from django.utils.translation import gettext_noop

WORDS = (
    gettext_noop("Quality"),
    gettext_noop("Size"),
    gettext_noop("Style"),
    gettext_noop("Background"),
    gettext_noop("Aspect ratio"),
    gettext_noop("Resolution"),
    gettext_noop("File format"),
    gettext_noop("Moderation"),
    gettext_noop("Seed"),
    gettext_noop("Compression"),
    gettext_noop("Leave out"),
    gettext_noop("Expand the prompt"),
    gettext_noop("In the background"),
    gettext_noop("Fidelity to the picture"),
    gettext_noop("Auto"),
    gettext_noop("Low"),
    gettext_noop("Medium"),
    gettext_noop("High"),
    gettext_noop("Standard"),
    gettext_noop("Vivid"),
    gettext_noop("Natural"),
    gettext_noop("Opaque"),
    gettext_noop("Transparent"),
)
