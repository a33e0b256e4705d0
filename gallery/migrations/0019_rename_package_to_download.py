"""Rename the tables of packages to downloads, as people and the code call them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0018_packages"),
    ]

    operations = [
        migrations.RemoveConstraint("package", "package_under_way_once"),
        migrations.RemoveConstraint("packageitem", "package_place_once"),
        migrations.RenameModel("Package", "Download"),
        migrations.RenameModel("PackageItem", "DownloadItem"),
        migrations.RenameField("downloaditem", "package", "download"),
        migrations.RenameIndex("download", new_name="download_of_person", old_name="package_of_person"),
        migrations.RenameIndex("download", new_name="download_under_way", old_name="package_under_way"),
        migrations.AddConstraint(
            "download",
            models.UniqueConstraint(
                condition=models.Q(("state", "building")), fields=("person", "key"), name="download_under_way_once"
            ),
        ),
        migrations.AddConstraint(
            "downloaditem", models.UniqueConstraint(fields=("download", "place"), name="download_place_once")
        ),
        migrations.AlterField(
            "download",
            "gallery",
            models.ForeignKey(
                blank=True,
                help_text="None: a selection.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="downloads",
                to="gallery.gallery",
            ),
        ),
        migrations.AlterField(
            "download",
            "person",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="downloads", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            "downloaditem",
            "picture",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="download_items",
                to="gallery.picture",
            ),
        ),
    ]
