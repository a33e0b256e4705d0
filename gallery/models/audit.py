"""The audit list: who changed what in the administration of the studio, with the values before and after."""

from typing import Any, Never

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **changes: Any) -> Never:
        raise TypeError("The audit list is only ever added to.")

    def delete(self) -> Never:
        raise TypeError("The audit list is only ever added to.")


class AuditEntry(models.Model):
    """One act. Names are kept beside the links, because what they name may be deleted."""

    class Action(models.TextChoices):
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        DELETED = "deleted", _("Deleted")
        DID = "did", _("Action")

    at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    person_name = models.CharField(_("who"), max_length=300, help_text=_("“Command line” for commands on the server."))
    address = models.CharField(max_length=45, blank=True, help_text=_("Where the request came from."))
    request_id = models.CharField(max_length=64, blank=True, help_text=_("As in the log."))
    action = models.CharField(max_length=7, choices=Action)
    kind = models.CharField(_("kind of thing"), max_length=100, help_text=_("Such as person or budget."))
    object_id = models.CharField(_("number"), max_length=64, blank=True)
    object_name = models.CharField(_("what"), max_length=300, blank=True)
    changes = models.JSONField(default=dict, blank=True, help_text=_("By field: the value before, and after."))
    note = models.CharField(max_length=500, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("audit list")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.person_name} {self.get_action_display().lower()} {self.kind} {self.object_name}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The audit list is only ever added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("The audit list is only ever added to.")
