"""The models that people may pick from, and the comparison of them with what the upstream offers."""

import json
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from gallery.admin.option_rows import OptionRows
from gallery.forms.generations import option_field
from gallery.models import CatalogueSnapshot, ImageModel
from gallery.models.options import Operation, validate_options, validate_prices
from gallery.queries.catalogue.diff import beside_import, compare, left_out_in_words, undescribed_in_words
from gallery.queries.catalogue.prices import price_range, price_table
from gallery.queries.catalogue.words import life_in_words, money
from gallery.queries.option_sheets import sheet_for
from gallery.services.catalogue import Applied, Pick, apply_catalogue, look_up_catalogue
from gallery.web.http import number_in

# Seconds after which no answer to a look-up is to be expected: the client gives up after 120.
LATE = 150
# PostgreSQL keeps the keys of an object in an order of its own.
_ORDER = ("name", "label", "choices", "minimum", "maximum", "default", "when", "price")


class RowsField(forms.JSONField):
    """A list of JSON objects as people can read and mend it: a line for each key, and errors say where they are."""

    empty: ClassVar[type] = list

    default_error_messages = {"invalid": gettext_lazy("This is no JSON. %(where)s")}
    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return self.empty()
        try:
            return super().to_python(value)
        except ValidationError:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"where": where_it_breaks(str(value))}
            ) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Rows come as a list, and not as a text."""
        return data if isinstance(data, list) else super().bound_data(data, initial)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, InvalidJSONInput | str) else set_out(value)


class ObjectField(RowsField):
    """A JSON object."""

    empty: ClassVar[type] = dict


def where_it_breaks(text: str) -> str:
    """In words, where a text stops to be JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines() or [""]
        near = lines[min(error.lineno, len(lines)) - 1].strip()[:60]
        return _("Line %(line)d, character %(column)d: %(problem)s. The line reads: %(near)s") % {
            "line": error.lineno,
            "column": error.colno,
            "problem": error.msg,
            "near": near,
        }
    except (ValueError, RecursionError):
        pass
    return _("It cannot be read.")


def set_out(rows: Any) -> str:
    """A list of objects as JSON, a line for each key; anything else as JSON has it."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return json.dumps(rows, indent=2, ensure_ascii=False)
    written = []
    for row in rows:
        keys = sorted(row, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
        lines = [f"    {json.dumps(key)}: {json.dumps(row[key], ensure_ascii=False)}" for key in keys]
        written.append("  {\n" + ",\n".join(lines) + "\n  }")
    return "[\n" + ",\n".join(written) + "\n]" if written else "[]"


def _rows_input(lines: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": lines, "spellcheck": "false", "class": "vLargeTextField rows-field"})


class ImageModelForm(forms.ModelForm[ImageModel]):
    class Meta:
        model = ImageModel
        fields = [
            "slug",
            "label",
            "description",
            "enabled",
            "position",
            "options",
            "ruled_out",
            "max_count",
            "prompt_limit",
            "can_generate",
            "can_edit",
            "can_vary",
            "edit_needs_mask",
            "edit_square",
            "edit_max_side",
            "edit_max_bytes",
            "price",
            "prices",
            "token_prices",
            "give_up_after",
            "response_format",
            "routes",
        ]
        widgets = {
            "options": OptionRows(),
            "ruled_out": _rows_input(4),
            "prices": _rows_input(7),
            "token_prices": _rows_input(4),
            "routes": _rows_input(6),
        }
        field_classes = {"token_prices": ObjectField, "routes": ObjectField}
        help_texts = {
            "max_count": gettext_lazy("How many pictures one request may ask for, 1 to 10."),
            "options": gettext_lazy(
                "What people may choose, in the order of the form. “Field” is the field of the request."
            ),
            "ruled_out": (
                gettext_lazy(
                    "Choices that the upstream refuses together: "
                    '{"background": "transparent", "output_format": "jpeg"}. "*" is any value, "" is not chosen.'
                )
            ),
            "token_prices": (
                gettext_lazy(
                    'US dollars per million tokens: {"text_input": "5", "image_input": "8", "image_output": "30"}. A '
                    "request is settled by them once the upstream has counted; estimates come from the prices above."
                )
            ),
            "routes": (
                gettext_lazy(
                    'Where an operation goes, if not where it usually does: {"edit": {"endpoint": '
                    '"/images/generations", '
                    '"encoding": "multipart", "references": 1, "fields": {"operation": "image-to-image"}}}.'
                )
            ),
            "prompt_limit": gettext_lazy("In characters, 1 to 32,000."),
            "can_edit": gettext_lazy("It takes a picture and a prompt, and may take a mask."),
            "can_vary": gettext_lazy("It takes a picture without a prompt, and makes others like it."),
            "prices": (
                gettext_lazy(
                    "Where the price depends on what is chosen: "
                    '{"when": {"resolution": "4k"}, "price": "0.24"}. The first row whose choices are all made counts; '
                    "else the price above. So a row that names more choices comes before one that names fewer."
                )
            ),
            "response_format": gettext_lazy("Leave it to the upstream, unless it delivers nothing that way."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not ({"options", "prices"} & self.errors.keys()) and (problem := misfit(cleaned)):
            self.add_error("prices", problem)
        return cleaned


def misfit(cleaned: dict[str, Any]) -> str:
    """What is wrong between prices and the options that they depend on."""
    model = ImageModel(options=cleaned.get("options") or [], prices=cleaned.get("prices") or [])
    try:
        validate_options(model.options)
        validate_prices(model.prices)
    except ValidationError:
        return ""  # their own errors come first
    options = {option.name: option for option in model.option_list}
    for name, choice in (pair for row in model.prices for pair in row["when"].items()):
        if name not in options:
            return _("A price depends on “%(name)s”, which is no option of this model.") % {"name": name}
        option = options[name]
        if not any(one.accepts(choice) for one in (option, *map(option.for_operation, Operation))):
            return _("A price depends on “%(choice)s”, which is no choice of “%(name)s”.") % {
                "choice": choice,
                "name": name,
            }
    return ""


class UpstreamFilter(admin.SimpleListFilter):
    title = gettext_lazy("upstream")
    parameter_name = "upstream"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("offered", _("Offered")), ("gone", _("Not offered any more"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[ImageModel]) -> models.QuerySet[ImageModel]:
        wanted = self.value()
        return queryset.filter(gone_at__isnull=wanted == "offered") if wanted in ("offered", "gone") else queryset


@admin.register(ImageModel)
class ImageModelAdmin(admin.ModelAdmin[ImageModel]):
    form = ImageModelForm
    formfield_overrides = {models.JSONField: {"form_class": RowsField}}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in ("token_prices", "routes"):
            kwargs["form_class"] = ObjectField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    list_display = [
        "label",
        "slug",
        "enabled",
        "position",
        "price",
        "price_range",
        "max_count",
        "beyond_prompts",
        "seconds",
        "gone",
    ]
    list_editable = ["enabled", "position", "price"]
    list_filter = ["enabled", "can_edit", "can_vary", UpstreamFilter]
    search_fields = ["label", "slug"]
    readonly_fields = [
        "composer_preview",
        "sheet",
        "price_preview",
        "life",
        "usual_time",
        "success",
        "upstream",
        "what_was_imported",
    ]
    fieldsets = [
        (None, {"fields": ["slug", "label", "description", "enabled", "position"]}),
        (
            gettext_lazy("What it can do"),
            {
                "fields": [
                    "options",
                    "composer_preview",
                    "ruled_out",
                    "max_count",
                    "prompt_limit",
                    "can_generate",
                    "sheet",
                ]
            },
        ),
        (
            gettext_lazy("Edits and variations"),
            {"fields": ["can_edit", "can_vary", "edit_needs_mask", "edit_square", "edit_max_side", "edit_max_bytes"]},
        ),
        (gettext_lazy("What it costs"), {"fields": ["price", "price_per", "prices", "price_preview", "token_prices"]}),
        (gettext_lazy("Waiting for it"), {"fields": ["usual_time", "success", "give_up_after", "response_format"]}),
        (gettext_lazy("Upstream"), {"fields": ["upstream", "life", "what_was_imported", "routes"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ImageModel]:
        return ImageModel.objects.of_upstream()

    class Media:
        css = {"all": ["css/admin_catalogue.css"]}

    @admin.display(description=gettext_lazy("usual time"))
    def usual_time(self, model: ImageModel) -> str:
        if model.typical_seconds is None:
            return _("not known yet")
        return _("%(seconds)s s, slow from %(slow)s s") % {
            "seconds": f"{model.typical_seconds:.0f}",
            "slow": f"{model.slow_seconds or 0:.0f}",
        }

    @admin.display(description=gettext_lazy("usual time"), ordering="typical_seconds")
    def seconds(self, model: ImageModel) -> str:
        return "–" if model.typical_seconds is None else f"{model.typical_seconds:.0f} s"

    @admin.display(description=gettext_lazy("gone"), ordering="gone_at")
    def gone(self, model: ImageModel) -> str:
        return _("since %(day)s") % {"day": date_format(model.gone_at, "SHORT_DATE_FORMAT")} if model.gone_at else "–"

    @admin.display(description=gettext_lazy("brought a picture"))
    def success(self, model: ImageModel) -> str:
        return (
            _("not known yet")
            if model.success_rate is None
            else (_("%(percent)d %% of the latest") % {"percent": round(100 * model.success_rate)})
        )

    @admin.display(description=gettext_lazy("prices"))
    def price_range(self, model: ImageModel) -> str:
        return "–" if (said := price_range(model)) == _("not known") else said

    @admin.display(description=gettext_lazy("also makes"))
    def beyond_prompts(self, model: ImageModel) -> str:
        able = [word for word, can in ((_("edits"), model.can_edit), (_("variations"), model.can_vary)) if can]
        return ", ".join(able) or "–"

    @admin.display(description=gettext_lazy("upstream"))
    def upstream(self, model: ImageModel) -> str:
        if model.gone_at:
            return _("not offered since %(day)s") % {"day": date_format(model.gone_at, "SHORT_DATE_FORMAT")}
        return _("imported") if model.imported else _("not imported yet")

    @admin.display(description=gettext_lazy("its life"))
    def life(self, model: ImageModel) -> str:
        return life_in_words(model.lifecycle) if model.lifecycle else _("nothing is said of its end")

    @admin.display(description=gettext_lazy("in the form on Create"))
    def composer_preview(self, model: ImageModel) -> SafeString | str:
        """The saved options as people see them."""
        if not model.pk or not model.options:
            return _("Shown once the model is saved with options.")
        fields = []
        for option in model.option_list:
            label = option.label
            if option.operations:
                words = _("%(label)s (only for %(operations)s)")
                label = words % {"label": label, "operations": ", ".join(option.operations)}
            field = option_field(option)
            shown = field.widget.render(f"preview_{option.name}", option.default or None, {"disabled": True})
            fields.append((label, shown))
        return format_html(
            '<div class="composer-preview">{}</div>', format_html_join("", "<div><b>{}</b><div>{}</div></div>", fields)
        )

    @admin.display(description=gettext_lazy("option sheet"))
    def sheet(self, model: ImageModel) -> str:
        found = sheet_for(model.slug) if model.slug else None
        if found is None:
            return _("There is none for this name.")
        return f"{found.family}; source: {found.source}. {found.notes}".strip()

    def save_model(self, request: HttpRequest, obj: ImageModel, form: Any, change: bool) -> None:
        """A model that is added without options begins with those of its option sheet."""
        found = None if change or obj.options else sheet_for(obj.slug)
        if found is not None:
            for name, value in found.values.items():
                if name not in form.changed_data:
                    setattr(obj, name, Decimal(value) if name == "price" else value)
            self.message_user(
                request,
                _("The option sheet of %(family)s filled in what it knows. Source: %(source)s.")
                % {"family": found.family, "source": found.source},
            )
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("what that comes to"))
    def price_preview(self, model: ImageModel) -> SafeString | str:
        if not model.pk:
            return _("Shown once the model is saved.")
        rows = [
            (
                row.when,
                _("not known") if row.price is None else money(row.price),
                _("usual") if row.is_usual else "",
            )
            for row in price_table(model)
        ]
        return _table(_("When this is chosen"), _("One picture costs"), _("Which is"), rows=rows)

    @admin.display(description=gettext_lazy("set by hand or imported"))
    def what_was_imported(self, model: ImageModel) -> SafeString | str:
        """Where the catalogue stands against the last import, so that one sees what an import would keep."""
        if not model.pk or not model.imported:
            return _("Nothing was imported for this model yet. What was set by hand is kept by an import.")
        rows = [(one.what, one.then, one.now) for one in beside_import(model)]
        if not rows:
            return _("All is as it was imported; the next import may change it.")
        table = _table(_("Set by hand since"), _("As imported"), _("Now"), rows=rows)
        return format_html(
            "<div>{}<p>{}</p></div>", table, _("An import keeps these, unless it is told to overwrite them.")
        )

    # -- the comparison

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("compare/", wrap(self.compare_view), name="gallery_imagemodel_compare"),
            path("compare/look-up/", wrap(require_POST(self.look_up_view)), name="gallery_imagemodel_lookup"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = {"may_compare": self.has_change_permission(request)}
        return super().changelist_view(request, {**may, **(extra_context or {})})

    def look_up_view(self, request: HttpRequest) -> HttpResponse:
        """Have the upstream asked in the background, and go where the answer will be shown."""
        self._may_compare(request)
        query = urlencode({"after": look_up_catalogue(), "asked": int(time.time())})
        return HttpResponseRedirect(f"{_compare_page()}?{query}")

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """What is new, changed and gone; with a POST, apply what was checked."""
        self._may_compare(request)
        snapshot = CatalogueSnapshot.objects.first()
        if request.method == "POST":
            return self._apply(request, snapshot)
        after, asked = number_in(request.GET.get("after")), number_in(request.GET.get("asked"))
        waiting = after is not None and (snapshot is None or snapshot.pk <= after)
        late = waiting and time.time() - (asked or 0) > LATE
        if getattr(request, "htmx", False):
            # The page asks whether there is an answer, or whether none is to be expected any more.
            if waiting and not late:
                return HttpResponse(status=204)
            return HttpResponseClientRedirect(request.get_full_path() if late else _compare_page())
        compared = None
        if snapshot and not snapshot.error and not waiting:
            compared = compare(snapshot.offered, ImageModel.objects.of_upstream(), snapshot.left_out)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Compare with upstream"),
            "snapshot": snapshot,
            "just_now": snapshot is not None and timezone.now() - snapshot.taken_at < timedelta(minutes=1),
            "comparison": compared,
            "undescribed": undescribed_in_words(compared) if compared else "",
            "left_out": left_out_in_words(compared) if compared else "",
            "waiting": waiting and not late,
            "late": late,
            "may_add": self.has_add_permission(request),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/gallery/imagemodel/compare.html", context)

    def _may_compare(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _apply(self, request: HttpRequest, snapshot: CatalogueSnapshot | None) -> HttpResponse:
        picks = _picks(request)
        if not self.has_add_permission(request):
            there = set(ImageModel.objects.values_list("slug", flat=True))
            picks = [pick for pick in picks if pick.slug in there]
        if not picks:
            self.message_user(request, _("Nothing was checked, and nothing was changed."), messages.WARNING)
            return HttpResponseRedirect(_compare_page())
        applied = apply_catalogue(snapshot.offered if snapshot else [], picks, snapshot.left_out if snapshot else [])
        self._record(request, applied)
        for words, found in (
            (_("%(models)s: added, and on offer."), applied.added),
            (_("%(models)s: brought up to date."), applied.changed),
            (_("%(models)s: no longer on offer."), applied.gone),
        ):
            if found:
                names = ", ".join(model.label for model in found)
                self.message_user(request, words % {"models": names}, messages.SUCCESS)
        if applied.missed:
            missed = ", ".join(applied.missed)
            note = _("Left alone, since not as they were shown any more: %(models)s. Look at them again below.") % {
                "models": missed
            }
            self.message_user(request, note, messages.WARNING)
        return HttpResponseRedirect(_compare_page())

    def _record(self, request: HttpRequest, applied: Applied) -> None:
        """Into each model's history, as for changes in the form."""
        for model in applied.added:
            self.log_addition(request, model, "Added from the upstream's catalogue.")
        for model in applied.changed:
            self.log_change(request, model, "Brought up to date from the upstream's catalogue.")
        for model in applied.gone:
            self.log_change(request, model, "Taken off the list: the upstream does not offer it any more.")


def _compare_page() -> str:
    return reverse("admin:gallery_imagemodel_compare")


def _picks(request: HttpRequest) -> list[Pick]:
    """What was checked: `take` is DIGEST:SLUG, `overwrite` DIGEST:KEY:SLUG (a slug may hold colons)."""
    unprotected = [taken.partition(":")[::2] for taken in request.POST.getlist("take")]
    overwrite: dict[tuple[str, str], list[str]] = {}
    for taken in request.POST.getlist("overwrite"):
        digest, _, rest = taken.partition(":")
        key, _, slug = rest.partition(":")
        overwrite.setdefault((digest, slug), []).append(key)
    return [
        Pick(slug, digest, (digest, slug) in unprotected, overwrite.get((digest, slug), []))
        for digest, slug in dict.fromkeys([*unprotected, *overwrite])
    ]


def _table(*head: str, rows: list[tuple[str, str, str]]) -> SafeString:
    cells = format_html_join("", '<th scope="col">{}</th>', ((one,) for one in head))
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows)
    return format_html('<table class="facts"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', cells, body)
