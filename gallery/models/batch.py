"""Batches: several generations of one submit."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Batch(models.Model):
    """Several generations of one submit: the same prompt for several models, or several prompts."""

    class Kind(models.TextChoices):
        COMPARISON = "comparison", _("Comparison")
        PROMPTS = "prompts", _("Series")

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches")
    kind = models.CharField(max_length=12, choices=Kind)
    prompt = models.TextField(help_text=_("As it was typed, before anything was filled in."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = _("batches")
        ordering = ["-id"]
        indexes = [models.Index(fields=["author", "-id"], name="batch_by_author")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Vote(models.Model):
    """The generation that a person likes best in a comparison."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="votes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="votes")
    generation = models.ForeignKey("gallery.Generation", on_delete=models.CASCADE, related_name="votes")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["batch", "person"], name="one_vote_per_comparison")]

    def __str__(self) -> str:
        return _("%(person)s for %(generation)s") % {"person": self.person, "generation": self.generation}
