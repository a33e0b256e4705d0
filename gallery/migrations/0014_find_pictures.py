"""Indexes for search: for the filters, and for the words, which differs by database."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from gallery.db import search_index


def install(apps: Any, schema_editor: Any) -> None:
    search_index.install(schema_editor.connection)


def uninstall(apps: Any, schema_editor: Any) -> None:
    search_index.uninstall(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0013_fill_what_pictures_are_found_by")]

    operations = [
        migrations.AlterField(
            model_name="picture",
            name="model",
            field=models.ForeignKey(
                editable=False,
                help_text="The generation's.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pictures",
                to="gallery.imagemodel",
            ),
        ),
        migrations.AddIndex(model_name="picture", index=models.Index(fields=["model", "-id"], name="picture_by_model")),
        migrations.AddIndex(model_name="picture", index=models.Index(fields=["shape", "-id"], name="picture_by_shape")),
        migrations.AddIndex(
            model_name="picture", index=models.Index(fields=["created_at", "id"], name="picture_by_date")
        ),
        migrations.AddIndex(
            model_name="galleryentry", index=models.Index(fields=["picture", "gallery"], name="entry_by_picture")
        ),
        migrations.RemoveIndex(model_name="mark", name="mark_by_rating"),
        migrations.AddIndex(
            model_name="mark", index=models.Index(fields=["person", "-rating", "-picture"], name="mark_by_rating")
        ),
        migrations.RunPython(install, uninstall),
    ]
