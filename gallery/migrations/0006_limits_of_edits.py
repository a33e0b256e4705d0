import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0005_note_what_was_seeded"),
    ]

    operations = [
        migrations.AddField(
            model_name="imagemodel",
            name="edit_max_bytes",
            field=models.PositiveIntegerField(
                default=20000000,
                help_text="Bytes of the PNG that is sent; it is scaled down until it is smaller.",
                validators=[
                    django.core.validators.MinValueValidator(100000),
                    django.core.validators.MaxValueValidator(20000000),
                ],
                verbose_name="largest file to edit",
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="edit_max_side",
            field=models.PositiveIntegerField(
                default=2048,
                help_text="Pixels; larger pictures are scaled down.",
                validators=[
                    django.core.validators.MinValueValidator(64),
                    django.core.validators.MaxValueValidator(2048),
                ],
                verbose_name="longest side to edit",
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="edit_needs_mask",
            field=models.BooleanField(
                default=False, help_text="An edit without a mask is not sent.", verbose_name="edits only what is marked"
            ),
        ),
        migrations.AddField(
            model_name="imagemodel",
            name="edit_square",
            field=models.BooleanField(
                default=False,
                help_text="For edits and variations: other pictures are cut or filled up.",
                verbose_name="takes squares only",
            ),
        ),
    ]
