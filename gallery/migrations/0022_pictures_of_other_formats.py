"""Pictures may be AVIF and GIF, and animations whose first frame is shown."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0021_answers")]

    operations = [
        migrations.AddField(
            model_name="picture",
            name="is_as_delivered",
            field=models.BooleanField(
                default=True,
                editable=False,
                help_text="Browsers show the original as the still picture that it is. If not, they get a still made of it.",
                verbose_name="shown as delivered",
            ),
        ),
        migrations.AlterField(
            model_name="picture",
            name="format",
            field=models.CharField(help_text="PNG, JPEG, WEBP, AVIF or GIF.", max_length=4),
        ),
    ]
