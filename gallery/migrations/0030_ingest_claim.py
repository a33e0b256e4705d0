# One process at a time fetches the pictures of a generation.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0026_price_per"),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="ingest_until",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="One process fetches its pictures now, and until then no other begins.",
                null=True,
            ),
        ),
    ]
