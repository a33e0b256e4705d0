"""The members of a gallery, each with a role."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member may do in a gallery; each role may do all that the roles before it may; see queries/roles.py."""

    VIEWER = "viewer", _("Viewer")
    CONTRIBUTOR = "contributor", _("Contributor")
    MANAGER = "manager", _("Manager")


class Membership(models.Model):
    """A person, or all people in a group, with a role in a gallery."""

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
        """The name of the person or the group."""
        return str(self.person or self.group)
