"""Reference pictures that go along with a request, and pictures that people bring."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0049_metrics_audit_and_alerts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField()),
            ],
            options={
                "ordering": ["generation_id", "place"],
            },
        ),
        migrations.AddField(
            model_name="picture",
            name="kind",
            field=models.CharField(
                choices=[
                    ("made", "Made here"),
                    ("photo", "Photo"),
                    ("logo", "Logo"),
                    ("product", "Product"),
                    ("sketch", "Sketch"),
                ],
                default="made",
                max_length=7,
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="kind",
            field=models.CharField(
                choices=[("create", "Picture"), ("edit", "Edit"), ("variation", "Variation"), ("upload", "Upload")],
                default="create",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="picture",
            name="original",
            field=models.FileField(
                help_text="The bytes as the upstream delivered them, or of an upload without its metadata.",
                max_length=200,
                upload_to="",
            ),
        ),
        migrations.AddIndex(
            model_name="picture",
            index=models.Index(
                condition=models.Q(("kind", "made"), _negated=True), fields=["kind", "-id"], name="picture_by_kind"
            ),
        ),
        migrations.AddField(
            model_name="reference",
            name="generation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="references", to="gallery.generation"
            ),
        ),
        migrations.AddField(
            model_name="reference",
            name="picture",
            field=models.ForeignKey(
                help_text="Empty once it was deleted for good.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="used_by",
                to="gallery.picture",
            ),
        ),
        migrations.AddConstraint(
            model_name="reference",
            constraint=models.UniqueConstraint(fields=("generation", "place"), name="reference_once_per_place"),
        ),
    ]
