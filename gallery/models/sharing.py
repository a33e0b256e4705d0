"""Who else may see a gallery: members with a role, guests by a link; and who may become a member of the team."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Role(models.TextChoices):
    """What a member may do in a gallery; each role may do what those before it may, see gallery/roles.py."""

    VIEWER = "viewer", "May view"
    CONTRIBUTOR = "contributor", "May contribute"
    MANAGER = "manager", "May manage"


class Membership(models.Model):
    """A person, or everybody in a group, is a member of a gallery."""

    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships")
    role = models.CharField(max_length=11, choices=Role, default=Role.VIEWER)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=False, group__isnull=True) | Q(person__isnull=True, group__isnull=False),
                name="member_is_a_person_or_a_group",
            ),
            models.UniqueConstraint(fields=["gallery", "person"], name="person_once_per_gallery"),
            models.UniqueConstraint(fields=["gallery", "group"], name="group_once_per_gallery"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_role_display()}"

    @property
    def name(self) -> str:
        """The person's, or the group's."""
        return str(self.person or self.group)


class ShareLink(models.Model):
    """A public way into one gallery. The token is shown once; here is only its SHA-256."""

    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.CASCADE, related_name="links")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=80, blank=True, help_text="Whom it is for.")
    password = models.CharField(max_length=200, blank=True, editable=False, help_text="Hashed; empty for none.")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    show_prompts = models.BooleanField(default=False)
    allow_downloads = models.BooleanField(default=False)
    allow_votes = models.BooleanField(default=False)
    allow_comments = models.BooleanField(default=False)
    visits = models.PositiveIntegerField(default=0)
    last_visit_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.label or f"Link {self.pk}"

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class GuestVote(models.Model):
    """That a guest, by the name they gave, likes a picture."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="guest_votes")
    picture = models.ForeignKey("gallery.Picture", on_delete=models.CASCADE, related_name="guest_votes")
    guest = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "picture", "guest"], name="guest_votes_once")]

    def __str__(self) -> str:
        return f"{self.guest} for {self.picture}"


class Invitation(models.Model):
    """A link that makes an account. The token is shown once; here is only its SHA-256."""

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    email = models.EmailField(blank=True, help_text="Whom it was sent to; nobody else may use it then.")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    gallery = models.ForeignKey("gallery.Gallery", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    role = models.CharField(max_length=11, choices=Role, default=Role.VIEWER, help_text="In that gallery.")
    max_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Invitation {self.pk}"

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now() and self.uses < self.max_uses

    def use(self) -> bool:
        """Take one use; False if somebody else has just taken the last one."""
        alive = Invitation.objects.filter(pk=self.pk, revoked_at=None, expires_at__gt=timezone.now())
        return bool(alive.filter(uses__lt=F("max_uses")).update(uses=F("uses") + 1))
