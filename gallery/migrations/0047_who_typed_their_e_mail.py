from typing import Any

from django.db import migrations


def mark_typed(apps: Any, schema_editor: Any) -> None:
    """Who came by an invitation for anyone has typed the e-mail themselves, and no mail has proved it."""
    uses = apps.get_model("gallery", "InvitationUse").objects.filter(made_account=True, invitation__email="")
    people = apps.get_model("gallery", "Person").objects.filter(pk__in=uses.values("person"))
    people.update(email_verified=False)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0046_sign_in")]

    operations = [migrations.RunPython(mark_typed, migrations.RunPython.noop)]
