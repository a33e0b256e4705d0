"""Generations: what was asked for, what was answered, and what may be done again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from gallery import services
from gallery.admin.pictures import preview
from gallery.enqueue import enqueue_reread
from gallery.models import Generation, OverBudget, Picture, RawAnswer
from gallery.models.ledger import over_budget_message
from gallery.services.errors import InvalidInput


class PictureInline(admin.TabularInline[Picture, Generation]):
    model = Picture
    extra = 0
    can_delete = False
    fields = ["shown", "format", "width", "height", "byte_size"]
    readonly_fields = ["shown", "format", "width", "height", "byte_size"]

    @admin.display(description=_("picture"))
    def shown(self, picture: Picture) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:gallery_picture_change", args=[picture.pk]), preview(picture)
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RawAnswerInline(admin.TabularInline[RawAnswer, Generation]):
    """What the upstream answered, until the pictures are safe."""

    model = RawAnswer
    extra = 0
    can_delete = False
    fields = ["received_at", "is_poll", "status", "headers", "body"]
    readonly_fields = ["received_at", "is_poll", "status", "headers", "body"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin[Generation]):
    list_display = ["id", "state", "author", "model", "short_prompt", "count", "cost", "created_at", "error_code"]
    list_filter = ["state", "model", "author", "created_at"]
    list_select_related = ["author", "model"]
    search_fields = ["prompt", "task_id", "error_code", "upstream_ids"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    actions = ["retry", "cancel", "read_again"]
    inlines = [PictureInline, RawAnswerInline]

    @admin.display(description=_("prompt"))
    def short_prompt(self, generation: Generation) -> str:
        return generation.prompt if len(generation.prompt) <= 60 else f"{generation.prompt[:59]}…"

    @admin.action(description=_("Retry: ask for the same again (costs again)"), permissions=["change"])
    def retry(self, request: HttpRequest, generations: QuerySet[Generation]) -> None:
        chosen = list(generations.select_related("model", "author", "gallery"))
        # Leave out what is paid for and only not fetched yet: fetching again is free.
        retryable = [generation for generation in chosen if generation.model.is_on_offer and not generation.can_fetch]
        again = 0
        for generation in retryable:
            try:
                again += services.generations.retry(generation) is not None
            except OverBudget as problem:
                self.message_user(request, f"{generation}: {over_budget_message(problem)}", messages.ERROR)
                break
            except InvalidInput as problem:
                self.message_user(request, f"{generation}: {problem.message}", messages.ERROR)
        self.message_user(
            request,
            _("%(count)d of %(chosen)d asked for again.") % {"count": again, "chosen": len(chosen)},
            messages.SUCCESS,
        )
        if len(retryable) < len(chosen):
            left = len(chosen) - len(retryable)
            note = _(
                "%(count)d left alone: their model is not on offer, or “Fetch again” brings the picture for nothing."
            ) % {"count": left}
            self.message_user(request, note, messages.WARNING)

    @admin.action(description=_("Cancel: stop waiting"), permissions=["change"])
    def cancel(self, request: HttpRequest, generations: QuerySet[Generation]) -> None:
        chosen = list(generations)
        cancelled = sum(1 for generation in chosen if generation.stop_waiting())
        self.message_user(
            request,
            _("%(count)d of %(chosen)d cancelled.") % {"count": cancelled, "chosen": len(chosen)},
            messages.SUCCESS,
        )

    @admin.action(description=_("Read the answer again (costs nothing)"), permissions=["change"])
    def read_again(self, request: HttpRequest, generations: QuerySet[Generation]) -> None:
        chosen = list(generations)
        with_answers = set(RawAnswer.objects.filter(generation__in=chosen).values_list("generation", flat=True))
        for pk in with_answers:
            enqueue_reread(pk)
        self.message_user(
            request,
            _("%(count)d of %(chosen)d are being read again.") % {"count": len(with_answers), "chosen": len(chosen)},
            messages.SUCCESS,
        )
        if len(with_answers) < len(chosen):
            note = _("%(count)d left alone: no answer of theirs is kept.") % {"count": len(chosen) - len(with_answers)}
            self.message_user(request, note, messages.WARNING)

    def get_readonly_fields(self, request: HttpRequest, obj: Generation | None = None) -> list[str]:
        """All fields: a generation is a record, and the actions are the only ways to change it."""
        return [field.name for field in Generation._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False
