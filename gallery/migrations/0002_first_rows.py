"""The catalogue that a new studio starts with, the upstream account's row, and the housekeeping schedule.

Models, sizes and prices are as the vendor publishes them. Administrators can change them in the admin.
"""

from decimal import Decimal
from typing import Any

from django.db import migrations


def choice(name: str, label: str, *choices: str) -> dict[str, object]:
    return {"name": name, "label": label, "choices": list(choices), "default": choices[0]}


QUALITY = choice("quality", "Quality", "standard", "hd")
STYLE = choice("style", "Style", "vivid", "natural")

MODELS = [
    # slug, label, description, maximum count, price of one picture, options
    (
        "dall-e-3", "DALL·E 3", "Best quality; improves the prompt by itself", 1, "0.04",
        [choice("size", "Size", "1024x1024", "1792x1024", "1024x1792"), QUALITY, STYLE],
    ),
    (
        "flux-schnell", "FLUX schnell", "Very fast, for trying things out", 4, None,
        [choice("size", "Size", "1024x1024", "1024x768", "768x1024", "512x512")],
    ),
    (
        "flux-pro", "FLUX pro", "Photorealistic, high quality", 4, None,
        [choice("size", "Size", "1024x1024", "1280x768", "768x1280", "512x512")],
    ),
    (
        "midjourney", "Midjourney", "Artistic style", 4, "0.05",
        [choice("size", "Size", "1024x1024", "1456x816", "816x1456", "512x512")],
    ),
    (
        "ideogram-v3", "Ideogram v3", "Best at lettering", 4, None,
        [choice("size", "Size", "1024x1024", "1280x800", "800x1280", "512x512")],
    ),
    (
        "stable-diffusion-3", "Stable Diffusion 3", "Open source, versatile", 4, None,
        [choice("size", "Size", "1024x1024", "1344x768", "768x1344", "768x768", "512x512")],
    ),
    (
        "dall-e-2", "DALL·E 2", "Fast and affordable", 4, None,
        [choice("size", "Size", "1024x1024", "512x512", "256x256")],
    ),
]  # fmt: skip


def add(apps: Any, schema_editor: Any) -> None:
    image_model = apps.get_model("gallery", "ImageModel")
    for position, (slug, label, description, most, price, options) in enumerate(MODELS, start=1):
        image_model.objects.create(
            slug=slug,
            label=label,
            description=description,
            max_count=most,
            price=Decimal(price) if price else None,
            options=options,
            position=position * 10,
        )
    apps.get_model("gallery", "UpstreamAccount").objects.create(pk=1)
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="Housekeeping",
        defaults={"func": "gallery.tasks.tidy_up", "schedule_type": "I", "minutes": 5, "repeats": -1},
    )


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
