"""What the first 25 migrations make, in one: a new studio does not repeat how the first one grew.

A studio that has some of them applied goes on with the rest of those. A test compares the two ways.
"""

import uuid
from decimal import Decimal
from typing import Any

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import gallery.models.options
import gallery.models.routes
import gallery.models.token_prices
from gallery.db import search_index


def choice(name: str, label: str, *choices: str) -> dict[str, object]:
    return {"name": name, "label": label, "choices": list(choices), "default": choices[0]}


MODELS = [
    # slug, label, description, maximum count, price of one picture, sizes
    ("dall-e-3", "DALL·E 3", "Best quality; improves the prompt by itself", 1, "0.04",
     ["1024x1024", "1792x1024", "1024x1792"]),
    ("flux-schnell", "FLUX schnell", "Very fast, for trying things out", 4, None, ["1024x1024", "512x512"]),
    ("flux-pro", "FLUX pro", "Photorealistic, high quality", 4, None, ["1024x1024", "512x512"]),
    ("midjourney", "Midjourney", "Artistic style", 4, "0.05", ["1024x1024", "512x512"]),
    ("ideogram-v3", "Ideogram v3", "Best at lettering", 4, None, ["1024x1024", "512x512"]),
    ("stable-diffusion-3", "Stable Diffusion 3", "Open source, versatile", 4, None, ["1024x1024", "512x512"]),
    ("dall-e-2", "DALL·E 2", "Fast and affordable", 4, None, ["1024x1024", "512x512", "256x256"]),
]  # fmt: skip
MORE_OPTIONS = {
    "dall-e-3": [choice("quality", "Quality", "standard", "hd"), choice("style", "Style", "vivid", "natural")],
}
EDITS = {
    "dall-e-2": {
        "edit_square": True,
        "edit_needs_mask": True,
        "edit_max_bytes": 4_000_000,
        "edit_max_side": 1024,
        "can_edit": True,
        "can_vary": True,
    },
}


def add(apps: Any, schema_editor: Any) -> None:
    """The catalogue that a new studio starts with, the upstream account's row, and the housekeeping schedule.

    Models, sizes and prices are as the vendor publishes them. Administrators can change them in the admin.
    """
    image_model = apps.get_model("gallery", "ImageModel")
    for position, (slug, label, description, most, price, sizes) in enumerate(MODELS, start=1):
        options = [choice("size", "Size", *sizes), *MORE_OPTIONS.get(slug, [])]
        edits = EDITS.get(slug, {})
        image_model.objects.create(
            slug=slug,
            label=label,
            description=description,
            max_count=most,
            price=Decimal(price) if price else None,
            options=options,
            position=position * 10,
            # Marked as imported, so that a later import may update it.
            imported=edits | {"max_count": most, "price": price, "options": options},
            **edits,
        )
    apps.get_model("gallery", "UpstreamAccount").objects.create(pk=1)
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name="Housekeeping",
        defaults={"func": "gallery.tasks.tidy_up", "schedule_type": "I", "minutes": 5, "repeats": -1},
    )


def install(apps: Any, schema_editor: Any) -> None:
    search_index.install(schema_editor.connection)


def uninstall(apps: Any, schema_editor: Any) -> None:
    search_index.uninstall(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    replaces = [
        ("gallery", "0001_initial"),
        ("gallery", "0002_first_rows"),
        ("gallery", "0003_engine_remembers_more"),
        ("gallery", "0004_making_together"),
        ("gallery", "0005_note_what_was_seeded"),
        ("gallery", "0006_limits_of_edits"),
        ("gallery", "0007_dall_e_2_edits"),
        ("gallery", "0008_ledger_remembers_groups"),
        ("gallery", "0009_indexes_of_a_month"),
        ("gallery", "0010_book_what_came_before"),
        ("gallery", "0011_keeping_and_sharing"),
        ("gallery", "0012_what_pictures_are_found_by"),
        ("gallery", "0013_fill_what_pictures_are_found_by"),
        ("gallery", "0014_find_pictures"),
        ("gallery", "0015_remember_what_was_deleted"),
        ("gallery", "0016_share_links"),
        ("gallery", "0017_invitations_activity_notices"),
        ("gallery", "0018_packages"),
        ("gallery", "0019_rename_package_to_download"),
        ("gallery", "0020_requests_held"),
        ("gallery", "0021_answers"),
        ("gallery", "0022_pictures_of_other_formats"),
        ("gallery", "0023_catalogue_that_reads_the_vendor"),
        ("gallery", "0024_sign_in_tries"),
        ("gallery", "0025_guest_acts"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueSnapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("offered", models.JSONField(default=list)),
                (
                    "left_out",
                    models.JSONField(
                        default=list,
                        help_text="What is listed, but not for pictures or not looked at: id and reason of each.",
                    ),
                ),
                ("error", models.TextField(blank=True, help_text="Why it could not be looked up, in plain words.")),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ImageModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "slug",
                    models.CharField(
                        help_text="The model's name in a request, such as dall-e-3.",
                        max_length=100,
                        unique=True,
                        verbose_name="upstream id",
                    ),
                ),
                ("label", models.CharField(max_length=100)),
                (
                    "description",
                    models.CharField(blank=True, help_text="What it is good at, in a few words.", max_length=200),
                ),
                ("enabled", models.BooleanField(default=True, help_text="People may pick it.")),
                ("position", models.PositiveSmallIntegerField(default=100, help_text="Smaller comes first.")),
                (
                    "max_count",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10),
                        ],
                        verbose_name="pictures at once",
                    ),
                ),
                (
                    "options",
                    models.JSONField(blank=True, default=list, validators=[gallery.models.options.validate_options]),
                ),
                (
                    "ruled_out",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Choices that the upstream refuses together.",
                        validators=[gallery.models.options.validate_rules],
                        verbose_name="what does not go together",
                    ),
                ),
                (
                    "routes",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Where each operation is sent, if not where it usually is.",
                        validators=[gallery.models.routes.validate_routes],
                    ),
                ),
                (
                    "response_format",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "as the upstream likes"),
                            ("url", "address (url)"),
                            ("b64_json", "in the answer (b64_json)"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="US dollars; empty where it is not known.",
                        max_digits=10,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="price of one picture",
                    ),
                ),
                (
                    "prices",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="The first row whose choices are all made counts; else the price above.",
                        validators=[gallery.models.options.validate_prices],
                        verbose_name="prices by option",
                    ),
                ),
                (
                    "token_prices",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="US dollars per million tokens, for a model that is not priced by the picture.",
                        validators=[gallery.models.token_prices.validate_token_prices],
                    ),
                ),
                (
                    "prompt_limit",
                    models.PositiveIntegerField(
                        default=4000,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(32000),
                        ],
                        verbose_name="longest prompt",
                    ),
                ),
                (
                    "can_generate",
                    models.BooleanField(
                        default=True,
                        help_text="Not those that always need a picture to start from.",
                        verbose_name="makes pictures from a prompt",
                    ),
                ),
                ("can_edit", models.BooleanField(default=False, verbose_name="edits pictures")),
                ("can_vary", models.BooleanField(default=False, verbose_name="makes variations")),
                (
                    "edit_square",
                    models.BooleanField(
                        default=False,
                        help_text="For edits and variations: other pictures are cut or filled up.",
                        verbose_name="takes squares only",
                    ),
                ),
                (
                    "edit_needs_mask",
                    models.BooleanField(
                        default=False,
                        help_text="An edit without a mask is not sent.",
                        verbose_name="edits only what is marked",
                    ),
                ),
                (
                    "edit_max_bytes",
                    models.PositiveIntegerField(
                        default=20000000,
                        help_text="Bytes of the PNG that is sent; it is scaled down until it is smaller.",
                        validators=[
                            django.core.validators.MinValueValidator(100000),
                            django.core.validators.MaxValueValidator(20000000),
                        ],
                        verbose_name="largest file to edit",
                    ),
                ),
                (
                    "edit_max_side",
                    models.PositiveIntegerField(
                        default=2048,
                        help_text="Pixels; larger pictures are scaled down.",
                        validators=[
                            django.core.validators.MinValueValidator(64),
                            django.core.validators.MaxValueValidator(2048),
                        ],
                        verbose_name="longest side to edit",
                    ),
                ),
                ("imported", models.JSONField(blank=True, default=dict, editable=False)),
                ("lifecycle", models.JSONField(blank=True, default=dict, editable=False)),
                (
                    "gone_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="Noticed by an import.",
                        null=True,
                        verbose_name="not offered upstream since",
                    ),
                ),
                (
                    "give_up_after",
                    models.PositiveIntegerField(
                        default=900, help_text="Seconds after which the studio stops waiting for a result."
                    ),
                ),
                ("typical_seconds", models.FloatField(blank=True, editable=False, null=True)),
                ("slow_seconds", models.FloatField(blank=True, editable=False, null=True)),
                (
                    "success_rate",
                    models.FloatField(
                        blank=True,
                        editable=False,
                        help_text="The share of the latest that brought a picture, 0 to 1.",
                        null=True,
                    ),
                ),
            ],
            options={
                "verbose_name": "model",
                "ordering": ["position", "label"],
            },
        ),
        migrations.CreateModel(
            name="UpstreamAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("holder", models.CharField(blank=True, editable=False, max_length=200)),
                ("lease_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("fence", models.PositiveBigIntegerField(default=0, editable=False)),
                ("pause_code", models.CharField(blank=True, max_length=100)),
                ("pause_message", models.TextField(blank=True)),
                ("pause_hint", models.TextField(blank=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("resume_at", models.DateTimeField(blank=True, null=True)),
                (
                    "told_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="Of a pause, by e-mail.",
                        null=True,
                        verbose_name="administrators told at",
                    ),
                ),
                (
                    "holds",
                    models.JSONField(
                        blank=True,
                        default=list,
                        editable=False,
                        help_text="Requests that wait while others go on: those of a model, or those above a price.",
                    ),
                ),
                (
                    "balance_usd",
                    models.DecimalField(
                        blank=True, decimal_places=4, max_digits=14, null=True, verbose_name="balance (US dollars)"
                    ),
                ),
            ],
            options={
                "verbose_name": "upstream account",
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        error_messages={"unique": "Somebody has this e-mail already."},
                        max_length=254,
                        unique=True,
                        verbose_name="e-mail",
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Switch this off instead of deleting: pictures keep their author.",
                        verbose_name="active",
                    ),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False, help_text="May open this administration.", verbose_name="administrator"
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "opaque_id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        help_text="What the upstream is told instead of a name or an e-mail.",
                        unique=True,
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "person",
                "verbose_name_plural": "people",
                "ordering": ["name", "email"],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"),
                        name="person_email_any_case",
                        violation_error_message="Somebody has this e-mail already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("comparison", "Comparison"), ("prompts", "Series")], max_length=12),
                ),
                ("prompt", models.TextField(help_text="As it was typed, before anything was filled in.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="batches", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["author", "-id"], name="batch_by_author")],
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="US dollars a month",
                    ),
                ),
                (
                    "group",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budget",
                        to="auth.group",
                    ),
                ),
                (
                    "person",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budget",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group__isnull", True), ("person__isnull", False)),
                            models.Q(("group__isnull", False), ("person__isnull", True)),
                            _connector="OR",
                        ),
                        name="budget_of_a_person_or_a_group",
                        violation_error_message="A budget is for a person or for a group, and for just one of them.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Gallery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                (
                    "shared_with_team",
                    models.BooleanField(default=False, help_text="Everybody with an account may look at it."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="galleries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "galleries",
                "ordering": ["-created_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "name"),
                        name="gallery_name_once_per_owner",
                        violation_error_message="You have a gallery of this name already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Download",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="What it is of, in words.", max_length=120)),
                (
                    "chosen",
                    models.JSONField(blank=True, default=list, help_text="Of a selection: the ids of its pictures."),
                ),
                ("key", models.CharField(help_text="The same for the same pictures in the same shape.", max_length=64)),
                (
                    "format",
                    models.CharField(
                        choices=[("original", "ORIGINAL"), ("webp", "WEBP"), ("jpeg", "JPEG"), ("png", "PNG")],
                        default="original",
                        max_length=8,
                    ),
                ),
                ("side", models.PositiveIntegerField(blank=True, help_text="The longest, in pixels.", null=True)),
                ("with_settings", models.BooleanField(default=False, help_text="Prompt and settings in each file.")),
                (
                    "state",
                    models.CharField(
                        choices=[("building", "Being made ready"), ("ready", "Ready"), ("failed", "Failed")],
                        default="building",
                        max_length=8,
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, help_text="Pictures.")),
                ("done", models.PositiveIntegerField(default=0)),
                ("byte_size", models.PositiveBigIntegerField(default=0, help_text="Of the archive, once it is ready.")),
                ("problem", models.TextField(blank=True, help_text="Why it failed.")),
                (
                    "claim",
                    models.CharField(blank=True, editable=False, help_text="Whose it is to work on.", max_length=32),
                ),
                (
                    "moved_at",
                    models.DateTimeField(default=django.utils.timezone.now, help_text="The last sign of life."),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="downloads",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
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
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["person", "-id"], name="download_of_person"),
                    models.Index(fields=["state", "moved_at"], name="download_under_way"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "building")),
                        fields=("person", "key"),
                        name="download_under_way_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Generation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt", models.TextField(max_length=4000)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("count", models.PositiveSmallIntegerField(default=1, verbose_name="pictures asked for")),
                (
                    "token",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        help_text="The form's; the same form sent twice is one request.",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("create", "Picture"), ("edit", "Edit"), ("variation", "Variation")],
                        default="create",
                        max_length=9,
                    ),
                ),
                (
                    "source_file",
                    models.CharField(
                        blank=True,
                        help_text="In storage: the picture that goes along with an edit or variation.",
                        max_length=200,
                    ),
                ),
                (
                    "reference_files",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="In storage: further pictures that go along, after the first.",
                    ),
                ),
                (
                    "mask_file",
                    models.CharField(
                        blank=True, help_text="In storage: transparent where to paint anew.", max_length=200
                    ),
                ),
                (
                    "fingerprint",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="The same for the same request, count aside.",
                        max_length=64,
                    ),
                ),
                (
                    "options_key",
                    models.CharField(
                        blank=True, editable=False, help_text="The same for the same options.", max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("submitting", "Sending"),
                            ("pending", "Accepted"),
                            ("processing", "In the making"),
                            ("saving", "Fetching"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Stopped waiting"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(default=1, help_text="Grows with every change that a card shows."),
                ),
                ("dismissed", models.BooleanField(default=False)),
                (
                    "is_new",
                    models.BooleanField(
                        default=False,
                        help_text="It has ended, and its author was not there to see it.",
                        verbose_name="not seen yet",
                    ),
                ),
                (
                    "fence",
                    models.PositiveBigIntegerField(default=0, editable=False, help_text="The engine's that sent it."),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the engine looks at it next; empty where nothing is left to do.",
                        null=True,
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="In vain, of what is being tried now."),
                ),
                (
                    "refused_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When the service last turned it away for a limit or for money. It stays queued.",
                        null=True,
                    ),
                ),
                ("task_id", models.TextField(blank=True)),
                ("poll_url", models.TextField(blank=True)),
                (
                    "progress",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="Percent, when the upstream tells.", null=True
                    ),
                ),
                (
                    "results",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="What the upstream delivered: per picture its url or file, revised_prompt.",
                    ),
                ),
                (
                    "deleted_results",
                    models.JSONField(
                        blank=True,
                        default=list,
                        editable=False,
                        help_text="Whose pictures were brought home and deleted for good since: their places among the results.",
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("error_message", models.TextField(blank=True)),
                ("error_hint", models.TextField(blank=True)),
                (
                    "error_details",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="For administrators: the upstream's own code, and what it says about a request that would do.",
                    ),
                ),
                (
                    "upstream_ids",
                    models.JSONField(
                        blank=True, default=dict, help_text="All ids that the upstream gave: its support asks for them."
                    ),
                ),
                (
                    "usage",
                    models.JSONField(blank=True, default=dict, help_text="Tokens, as the upstream counted them."),
                ),
                ("estimated_cost", models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True)),
                ("cost", models.DecimalField(blank=True, decimal_places=4, max_digits=12, null=True)),
                (
                    "booked",
                    models.DecimalField(
                        decimal_places=4,
                        default=Decimal("0"),
                        editable=False,
                        help_text="What its ledger entries add up to.",
                        max_digits=12,
                    ),
                ),
                (
                    "refunded",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="The upstream ended it in vain after the studio had stopped waiting.",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("submitted_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "unfinished_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When the upstream last said that it was not ready.",
                        null=True,
                    ),
                ),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="generations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="generations",
                        to="gallery.batch",
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="generations",
                        to="gallery.gallery",
                    ),
                ),
                (
                    "retry_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="retries",
                        to="gallery.generation",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="generations", to="gallery.imagemodel"
                    ),
                ),
                (
                    "suggested_model",
                    models.ForeignKey(
                        blank=True,
                        help_text="On offer, and named by the upstream instead.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="gallery.imagemodel",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("dismissed", False)), fields=["author", "-id"], name="generation_feed"
                    ),
                    models.Index(fields=["created_at"], name="generation_by_day"),
                    models.Index(fields=["author", "created_at"], name="generation_of_author_by_day"),
                    models.Index(fields=["state", "author", "id"], name="generation_by_state"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="generation_due"
                    ),
                    models.Index(fields=["model", "-finished_at"], name="generation_durations"),
                    models.Index(
                        condition=models.Q(("fingerprint", ""), _negated=True),
                        fields=["fingerprint"],
                        name="generation_by_fingerprint",
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("author", "token"), name="generation_once_per_form")],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_hash", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "email",
                    models.EmailField(
                        blank=True,
                        help_text="Nobody with another address may use it then.",
                        max_length=254,
                        verbose_name="e-mail",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "May view"), ("contributor", "May contribute"), ("manager", "May manage")],
                        default="viewer",
                        help_text="In that gallery.",
                        max_length=11,
                    ),
                ),
                (
                    "max_uses",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                ("uses", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "by_mail",
                    models.BooleanField(
                        default=False, editable=False, help_text="The studio sends it to the e-mail itself."
                    ),
                ),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("mail_problem", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invitations",
                        to="gallery.gallery",
                    ),
                ),
                ("groups", models.ManyToManyField(blank=True, related_name="+", to="auth.group")),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("uses__lte", models.F("max_uses"))), name="invitation_uses_are_bounded"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InvitationUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "made_account",
                    models.BooleanField(default=True, help_text="Or had one, and became a member of the gallery."),
                ),
                ("used_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "invitation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="used_by", to="gallery.invitation"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("invitation", "person"), name="person_once_per_invitation")
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField(help_text="The first day of the month that it counts for: that of asking.")),
                (
                    "kind",
                    models.CharField(
                        choices=[("reserved", "Reserved"), ("settled", "Settled"), ("released", "Released")],
                        max_length=8,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=4, max_digits=12)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ledger", to="gallery.generation"
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Those that the person was in when asking.",
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ledger", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["month", "person", "amount"], name="ledger_by_month")],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "May view"), ("contributor", "May contribute"), ("manager", "May manage")],
                        default="viewer",
                        max_length=11,
                    ),
                ),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "gallery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="gallery.gallery"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="auth.group",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group__isnull", True), ("person__isnull", False)),
                            models.Q(("group__isnull", False), ("person__isnull", True)),
                            _connector="OR",
                        ),
                        name="member_is_a_person_or_a_group",
                    ),
                    models.UniqueConstraint(fields=("gallery", "person"), name="person_once_per_gallery"),
                    models.UniqueConstraint(fields=("gallery", "group"), name="group_once_per_gallery"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelPace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("options_key", models.CharField(max_length=16)),
                (
                    "typical_seconds",
                    models.FloatField(help_text="Half were quicker, from sending to having the picture."),
                ),
                ("slow_seconds", models.FloatField(help_text="95 in 100 were quicker.")),
                ("learned_from", models.PositiveIntegerField()),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="paces", to="gallery.imagemodel"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("model", "options_key"), name="pace_once_per_options")],
            },
        ),
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "index",
                    models.PositiveSmallIntegerField(help_text="Its place among the generation's results, from 0."),
                ),
                (
                    "original",
                    models.FileField(
                        help_text="The bytes as the upstream delivered them.", max_length=200, upload_to=""
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("format", models.CharField(help_text="PNG, JPEG, WEBP, AVIF or GIF.", max_length=4)),
                (
                    "is_as_delivered",
                    models.BooleanField(
                        default=True,
                        editable=False,
                        help_text="Browsers show the original as the still picture that it is. If not, they get a still made of it.",
                        verbose_name="shown as delivered",
                    ),
                ),
                ("byte_size", models.PositiveBigIntegerField()),
                ("width", models.PositiveIntegerField(help_text="As displayed, in pixels.")),
                ("height", models.PositiveIntegerField()),
                (
                    "shape",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                then=models.Value("wide"),
                                width__gt=django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("height"), "*", models.Value(21)
                                    ),
                                    "/",
                                    models.Value(20),
                                ),
                            ),
                            models.When(
                                height__gt=django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("width"), "*", models.Value(21)
                                    ),
                                    "/",
                                    models.Value(20),
                                ),
                                then=models.Value("tall"),
                            ),
                            default=models.Value("square"),
                        ),
                        output_field=models.CharField(
                            choices=[("wide", "Wide"), ("square", "Square"), ("tall", "Tall")], max_length=6
                        ),
                    ),
                ),
                (
                    "placeholder",
                    models.JSONField(
                        default=list, help_text="Four colours: top left, top right, bottom left and right."
                    ),
                ),
                (
                    "thumbnails",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Widths in pixels by format, such as {"webp": [320, 480, 960]}.',
                    ),
                ),
                ("revised_prompt", models.TextField(blank=True)),
                (
                    "search_text",
                    models.TextField(
                        blank=True, editable=False, help_text="Prompts, tags and author in one, for the search."
                    ),
                ),
                (
                    "trashed_at",
                    models.DateTimeField(blank=True, help_text="It is deleted for good 30 days later.", null=True),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pictures",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pictures", to="gallery.generation"
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        editable=False,
                        help_text="The generation's.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pictures",
                        to="gallery.imagemodel",
                    ),
                ),
            ],
            options={
                "ordering": ["generation_id", "index"],
                "indexes": [
                    models.Index(fields=["author", "-id"], name="picture_by_author"),
                    models.Index(fields=["model", "-id"], name="picture_by_model"),
                    models.Index(fields=["shape", "-id"], name="picture_by_shape"),
                    models.Index(fields=["created_at", "id"], name="picture_by_date"),
                    models.Index(
                        condition=models.Q(("thumbnails", {})), fields=["id"], name="picture_without_thumbnails"
                    ),
                    models.Index(
                        condition=models.Q(("trashed_at__isnull", False)),
                        fields=["trashed_at"],
                        name="picture_in_trash",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("generation", "index"), name="picture_once_per_result")
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "guest",
                    models.CharField(
                        blank=True, help_text="The name that a guest without an account gave.", max_length=80
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("decided", "Somebody decided on a picture of yours"),
                            ("commented", "Somebody commented"),
                            ("member", "You are a member now"),
                            ("came", "Somebody came by your invitation"),
                        ],
                        max_length=9,
                    ),
                ),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="gallery.gallery",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="gallery.picture",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["person", "-id"], name="notice_by_person"),
                    models.Index(condition=models.Q(("read_at", None)), fields=["person"], name="notice_unread"),
                    models.Index(fields=["created_at"], name="notice_by_date"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("favourite", models.BooleanField(default=False)),
                (
                    "rating",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="marks", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="marks", to="gallery.picture"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("favourite", True)), fields=["person", "-picture"], name="mark_favourites"
                    ),
                    models.Index(fields=["person", "-rating", "-picture"], name="mark_by_rating"),
                ],
                "constraints": [models.UniqueConstraint(fields=("person", "picture"), name="one_mark_per_person")],
            },
        ),
        migrations.AddField(
            model_name="generation",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="The picture that it was remixed, edited or varied from.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="children",
                to="gallery.picture",
            ),
        ),
        migrations.CreateModel(
            name="GalleryEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("added_at", models.DateTimeField(auto_now_add=True)),
                (
                    "position",
                    models.FloatField(
                        default=0, help_text="By hand; higher comes first, and those alike by their age."
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("shortlist", "Shortlist"), ("approved", "Approved")],
                        default="draft",
                        max_length=9,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "added_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="gallery.gallery"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="gallery.picture"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "gallery entries",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["gallery", "-position", "-id"], name="entry_by_position"),
                    models.Index(fields=["picture", "gallery"], name="entry_by_picture"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("gallery", "picture"), name="picture_once_per_gallery")
                ],
            },
        ),
        migrations.AddField(
            model_name="gallery",
            name="cover",
            field=models.ForeignKey(
                blank=True,
                help_text="What it is shown by; the latest where none was picked.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="gallery.picture",
            ),
        ),
        migrations.AddField(
            model_name="gallery",
            name="pictures",
            field=models.ManyToManyField(
                related_name="galleries", through="gallery.GalleryEntry", to="gallery.picture"
            ),
        ),
        migrations.CreateModel(
            name="DownloadItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveIntegerField(help_text="From 1; 0 is the manifest.")),
                ("name", models.CharField(max_length=120)),
                ("file", models.CharField(help_text="In storage.", max_length=200)),
                ("byte_size", models.PositiveBigIntegerField(default=0)),
                ("crc32", models.PositiveBigIntegerField(null=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("modified_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("problem", models.CharField(blank=True, help_text="Why it is left out.", max_length=200)),
                (
                    "download",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="gallery.download"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="download_items",
                        to="gallery.picture",
                    ),
                ),
            ],
            options={
                "ordering": ["place"],
                "constraints": [models.UniqueConstraint(fields=("download", "place"), name="download_place_once")],
            },
        ),
        migrations.CreateModel(
            name="Activity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "guest",
                    models.CharField(
                        blank=True, help_text="The name that a guest without an account gave.", max_length=80
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("added", "added pictures"),
                            ("removed", "took pictures out"),
                            ("decided", "decided"),
                            ("commented", "commented"),
                            ("cover", "picked a cover"),
                            ("renamed", "renamed it"),
                            ("team", "showed it to the whole team"),
                            ("not_team", "took it back from the team"),
                            ("joined", "came by an invitation"),
                            ("member", "added a member"),
                            ("role", "changed a role"),
                            ("no_member", "removed a member"),
                            ("left", "left"),
                            ("link", "made a public link"),
                            ("no_link", "ended a public link"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "count",
                    models.PositiveIntegerField(
                        default=1, help_text="Of pictures, where several are told of in one line."
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="activities", to="gallery.gallery"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="gallery.picture",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "activities",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["gallery", "-id"], name="activity_by_gallery")],
            },
        ),
        migrations.CreateModel(
            name="PromptTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("text", models.TextField(max_length=4000)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("count", models.PositiveSmallIntegerField(default=1)),
                ("shared", models.BooleanField(default=True, help_text="The whole team may use it.")),
                ("used", models.PositiveIntegerField(default=0, editable=False, verbose_name="times used")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="templates",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "example",
                    models.ForeignKey(
                        blank=True,
                        help_text="Made with it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="gallery.picture",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="gallery.imagemodel",
                    ),
                ),
            ],
            options={
                "verbose_name": "template",
                "ordering": ["-used", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("author", "name"),
                        name="template_name_once_per_author",
                        violation_error_message="You have a template of this name already.",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="generation",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="generations",
                to="gallery.prompttemplate",
            ),
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
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "query",
                    models.CharField(
                        help_text="As it stands in the address, after the question mark.", max_length=2000
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="searches",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "saved searches",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("person", "name"),
                        name="search_name_once_per_person",
                        violation_error_message="You have a saved search of this name already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ShareLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("label", models.CharField(help_text="Whom it is for.", max_length=80)),
                (
                    "password",
                    models.CharField(blank=True, editable=False, help_text="Hashed; empty for none.", max_length=200),
                ),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("show_prompts", models.BooleanField(default=False)),
                ("allow_downloads", models.BooleanField(default=False)),
                ("allow_votes", models.BooleanField(default=False)),
                ("allow_comments", models.BooleanField(default=False)),
                ("visits", models.PositiveIntegerField(default=0)),
                ("last_visit_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="share_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="links",
                        to="gallery.gallery",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PasswordTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "place",
                    models.CharField(
                        help_text="Where from: a keyed hash of the address, not the address.", max_length=64
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="password_tries",
                        to="gallery.sharelink",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "password tries",
                "indexes": [models.Index(fields=["link", "place", "at"], name="tries_by_place")],
            },
        ),
        migrations.CreateModel(
            name="GuestVote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "guest_key",
                    models.CharField(editable=False, help_text="Of the guest's browser, by its cookie.", max_length=32),
                ),
                ("guest", models.CharField(help_text="The name that they gave.", max_length=80)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="guest_votes", to="gallery.picture"
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="guest_votes", to="gallery.sharelink"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("link", "picture", "guest_key"), name="guest_votes_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="GuestAct",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("like", "Like"), ("comment", "Comment")], max_length=7)),
                (
                    "place",
                    models.CharField(
                        help_text="Where from: a keyed hash of the address, not the address.", max_length=64
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="guest_acts", to="gallery.sharelink"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["link", "kind", "place", "created_at"], name="guest_acts_by_place")],
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest", models.CharField(blank=True, help_text="The name that a guest gave.", max_length=80)),
                ("text", models.TextField(max_length=2000)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "gallery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="gallery.gallery"
                    ),
                ),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="gallery.picture"
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="comments",
                        to="gallery.sharelink",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [models.Index(fields=["gallery", "picture"], name="comment_by_place")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("author__isnull", False), ("guest", "")),
                            models.Q(("author__isnull", True), models.Q(("guest", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="comment_by_a_person_or_a_guest",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignInTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(help_text="A keyed hash of the e-mail that was typed.", max_length=64)),
                ("place", models.CharField(help_text="A keyed hash of the address that it came from.", max_length=64)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name_plural": "sign-in tries",
                "indexes": [
                    models.Index(fields=["account", "at"], name="sign_in_tries_by_account"),
                    models.Index(fields=["place", "at"], name="sign_in_tries_by_place"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("pictures", models.ManyToManyField(related_name="tags", to="gallery.picture")),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(django.db.models.functions.text.Lower("name"), name="tag_once_in_any_case")
                ],
            },
        ),
        migrations.CreateModel(
            name="Vote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="votes", to="gallery.batch"
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="votes", to="gallery.generation"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="votes", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [models.UniqueConstraint(fields=("batch", "person"), name="one_vote_per_comparison")],
            },
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
        migrations.RunPython(install, uninstall),
    ]
