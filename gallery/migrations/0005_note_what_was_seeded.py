"""Mark the first catalogue as imported, so that a later import may update it.

Values that an administrator has changed since differ from the imported ones, and stay protected.
"""

from importlib import import_module
from typing import Any

from django.db import migrations

SEEDED = import_module("gallery.migrations.0002_first_rows").MODELS


def note(apps: Any, schema_editor: Any) -> None:
    image_model = apps.get_model("gallery", "ImageModel")
    for slug, _label, _description, most, price, options in SEEDED:
        imported = {"max_count": most, "price": price, "options": options}
        for model in image_model.objects.filter(slug=slug):
            if not model.imported:
                model.imported = imported
                model.save(update_fields=["imported"])


class Migration(migrations.Migration):
    dependencies = [("gallery", "0004_making_together")]

    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
