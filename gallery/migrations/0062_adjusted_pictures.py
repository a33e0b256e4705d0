from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0059_people_come_and_go")]

    operations = [
        migrations.AlterField(
            model_name="generation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("create", "Picture"),
                    ("edit", "Edit"),
                    ("variation", "Variation"),
                    ("upload", "Upload"),
                    ("adjusted", "Adjusted"),
                ],
                default="create",
                max_length=9,
            ),
        ),
    ]
