"""Indexes for the figures of a month."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0008_ledger_remembers_groups")]

    operations = [
        migrations.RemoveIndex(model_name="ledgerentry", name="ledger_by_month"),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["month", "person", "amount"], name="ledger_by_month"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["created_at"], name="generation_by_day"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["author", "created_at"], name="generation_of_author_by_day"),
        ),
    ]
