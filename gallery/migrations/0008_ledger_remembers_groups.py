"""An entry stores the groups that its person was in, not the budgets, so that a later budget counts it too."""

from typing import Any

from django.db import migrations, models


def remember(apps: Any, schema_editor: Any) -> None:
    entry = apps.get_model("gallery", "LedgerEntry")
    in_a_group = entry.budgets.through.objects.exclude(budget__group=None)
    membership = entry.groups.through
    membership.objects.bulk_create(
        (
            membership(ledgerentry_id=pk, group_id=group)
            for pk, group in in_a_group.values_list("ledgerentry_id", "budget__group_id").iterator()
        ),
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("gallery", "0007_dall_e_2_edits"),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="groups",
            field=models.ManyToManyField(
                blank=True,
                help_text="Those that the person was in when asking.",
                related_name="+",
                to="auth.group",
            ),
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
        migrations.RemoveField(model_name="ledgerentry", name="budgets"),
    ]
