"""What the upstream answered: its ids, its counts, its own words about a failure, and the raw answer of a request."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0020_requests_held"),
    ]

    operations = [
        migrations.AddField(
            "generation",
            "error_details",
            models.JSONField(
                blank=True,
                default=dict,
                help_text="For administrators: the upstream's own code, and what it says about a request that would do.",
            ),
        ),
        migrations.AddField(
            "generation",
            "upstream_ids",
            models.JSONField(
                blank=True, default=dict, help_text="All ids that the upstream gave: its support asks for them."
            ),
        ),
        migrations.AddField(
            "generation",
            "usage",
            models.JSONField(blank=True, default=dict, help_text="Tokens, as the upstream counted them."),
        ),
        migrations.CreateModel(
            name="RawAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "is_poll",
                    models.BooleanField(
                        default=False, help_text="To a question about the task, and not to the request."
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(help_text="The HTTP status.")),
                ("headers", models.JSONField(blank=True, default=dict)),
                ("body", models.TextField(blank=True)),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="raw_answers", to="gallery.generation"
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
    ]
