"""Guests decide on pictures, and share links can be copied again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0053_search_of_all_scripts"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="guestvote",
            name="guest_votes_once",
        ),
        migrations.AddField(
            model_name="guestvote",
            name="kind",
            field=models.CharField(
                choices=[("like", "Liked"), ("approved", "Approved"), ("changes", "Changes wanted")],
                default="like",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="guestvote",
            name="note",
            field=models.TextField(blank=True, help_text="What a guest says of their decision.", max_length=1000),
        ),
        migrations.AddField(
            model_name="sharelink",
            name="allow_decisions",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="sharelink",
            name="sealed_token",
            field=models.TextField(
                blank=True,
                editable=False,
                help_text="The token, encrypted, if it may be copied again.",
            ),
        ),
        migrations.AlterField(
            model_name="guestact",
            name="kind",
            field=models.CharField(
                choices=[("like", "Like"), ("comment", "Comment"), ("decide", "Decide")], max_length=7
            ),
        ),
        migrations.AddConstraint(
            model_name="guestvote",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "like")), fields=("link", "picture", "guest_key"), name="guest_likes_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="guestvote",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "like"), _negated=True),
                fields=("link", "picture", "guest_key"),
                name="guest_decides_once",
            ),
        ),
    ]
