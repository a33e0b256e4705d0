"""Options of more kinds, routes, token prices and a model's life; sizes that the vendor documents.

The sizes that a new studio began with were partly guesses. They are corrected where nothing was changed since: a row
that an administrator changed stays as it is.
"""

from importlib import import_module
from typing import Any

from django.db import migrations, models

import gallery.models.options
import gallery.models.routes
import gallery.models.token_prices

SEEDED = import_module("gallery.migrations.0002_first_rows").MODELS
LIMITS = import_module("gallery.migrations.0007_dall_e_2_edits").LIMITS
DOCUMENTED = ("1024x1024", "512x512")
GUESSED = ("flux-schnell", "flux-pro", "midjourney", "ideogram-v3", "stable-diffusion-3")


def correct(apps: Any, schema_editor: Any) -> None:
    image_model = apps.get_model("gallery", "ImageModel")
    for slug, _label, _description, _most, _price, options in SEEDED:
        for model in image_model.objects.filter(slug=slug):
            noted = model.imported.get("options")
            if slug in GUESSED and model.options == options and noted in (options, None):
                corrected = [{**one, "choices": list(DOCUMENTED)} if one["name"] == "size" else one for one in options]
                model.options, model.imported = corrected, {**model.imported, "options": corrected}
                model.save(update_fields=["options", "imported"])
    for model in image_model.objects.filter(slug="dall-e-2"):
        seeded = {name: value for name, value in LIMITS.items() if getattr(model, name) == value}
        model.imported = {**seeded, **model.imported}
        model.save(update_fields=["imported"])


class Migration(migrations.Migration):
    dependencies = [("gallery", "0022_pictures_of_other_formats")]

    operations = [
        migrations.AddField(
            model_name="cataloguesnapshot",
            name="left_out",
            field=models.JSONField(
                default=list, help_text="What is listed, but not for pictures or not looked at: id and reason of each."
            ),
        ),
        migrations.AddField(
            model_name="generation",
            name="reference_files",
            field=models.JSONField(
                blank=True, default=list, help_text="In storage: further pictures that go along, after the first."
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="can_generate",
            field=models.BooleanField(
                default=True,
                help_text="Not those that always need a picture to start from.",
                verbose_name="makes pictures from a prompt",
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="lifecycle",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="routes",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Where each operation is sent, if not where it usually is.",
                validators=[gallery.models.routes.validate_routes],
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="ruled_out",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Choices that the upstream refuses together.",
                validators=[gallery.models.options.validate_rules],
                verbose_name="what does not go together",
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="token_prices",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="US dollars per million tokens, for a model that is not priced by the picture.",
                validators=[gallery.models.token_prices.validate_token_prices],
            ),
        ),
        migrations.RunPython(correct, migrations.RunPython.noop),
    ]
