"""The count by which a database is told that is older than what was sent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0050_reference_pictures"),
    ]

    operations = [
        migrations.AddField(
            model_name="upstreamaccount",
            name="sent_mark",
            field=models.PositiveBigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Counts the commits that requests go out. An older database is told by it.",
            ),
        ),
    ]
