"""A picture stores its model and its shape, for the filters."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0011_keeping_and_sharing")]

    operations = [
        migrations.AddField(
            model_name="picture",
            name="model",
            field=models.ForeignKey(
                null=True,
                editable=False,
                help_text="The generation's.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pictures",
                to="gallery.imagemodel",
            ),
        ),
        migrations.AddField(
            model_name="picture",
            name="shape",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(width__gt=models.F("height") * 21 / 20, then=models.Value("wide")),
                    models.When(height__gt=models.F("width") * 21 / 20, then=models.Value("tall")),
                    default=models.Value("square"),
                ),
                output_field=models.CharField(
                    choices=[("wide", "Wide"), ("square", "Square"), ("tall", "Tall")], max_length=6
                ),
            ),
        ),
    ]
