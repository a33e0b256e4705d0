"""The language in which a person reads the studio, and alerts in each language."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0054_guests_decide")]

    operations = [
        migrations.AddField(
            model_name="person",
            name="language",
            field=models.CharField(
                blank=True, default="", editable=False, help_text="Empty: as their browser says.", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="translations",
            field=models.JSONField(
                default=dict, editable=False, help_text="Subject and text in each language; of earlier alerts in none."
            ),
        ),
    ]
