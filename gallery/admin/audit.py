"""The audit list, to look at. It cannot be changed from the web."""

import json

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from gallery.admin.jobs import ReadOnlyAdmin
from gallery.models.audit import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "person_name", "action", "kind", "object_name", "fields_changed", "note"]
    list_filter = ["action", "kind", "at"]
    search_fields = ["person_name", "object_name", "note", "request_id"]
    date_hierarchy = "at"
    fields = ["at", "person_name", "person", "address", "request_id", "action", "kind", "object_id", "object_name",
              "before_and_after", "note"]  # fmt: skip
    show_full_result_count = False

    @admin.display(description=_("changed"))
    def fields_changed(self, entry: AuditEntry) -> str:
        return ", ".join(entry.changes)[:200]

    @admin.display(description=_("before and after"))
    def before_and_after(self, entry: AuditEntry) -> SafeString:
        rows = ((name, _said(before), _said(after)) for name, (before, after) in entry.changes.items())
        body = format_html_join("", "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td></tr>", rows)
        return format_html(
            "<table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>{}</tbody></table>",
            _("Field"),
            _("Before"),
            _("After"),
            body,
        )


def _said(value: object) -> str:
    return "–" if value in (None, "") else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
