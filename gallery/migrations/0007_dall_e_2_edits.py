"""Allow edits and variations with DALL·E 2, so that a new studio has them: square PNG files under 4 MB.

The values count as imported, like the rest of the first catalogue.
"""

from typing import Any

from django.db import migrations

CAN = {"can_edit": True, "can_vary": True}
LIMITS = {"edit_square": True, "edit_needs_mask": True, "edit_max_bytes": 4_000_000, "edit_max_side": 1024}


def allow(apps: Any, schema_editor: Any) -> None:
    for model in apps.get_model("gallery", "ImageModel").objects.filter(slug="dall-e-2"):
        for name, value in (CAN | LIMITS).items():
            setattr(model, name, value)
        model.imported = model.imported | CAN
        model.save()


class Migration(migrations.Migration):
    dependencies = [("gallery", "0006_limits_of_edits")]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
