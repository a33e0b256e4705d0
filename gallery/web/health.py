"""Whether the studio's parts are up, for a load balancer or a person; and numbers for Prometheus."""

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotFound, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from gallery.db import schema
from gallery.models import Generation, State, UpstreamAccount
from gallery.models.metric import COUNTERS
from gallery.queries.metrics import StudioCollector
from lemonstudio.storage import probe


class HealthMiddleware:
    """Answers machines before anything looks at the request's host: they ask by the machine's IP address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = {"/healthz": healthz, "/metrics": metrics}.get(request.path, self.get_response)
        return view(request)


@login_not_required
@never_cache
@xframe_options_deny  # it answers before the middleware that says so
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with the state of each part, 503 when one is down. For anyone: one short query, and it names nothing."""
    parts = _parts()
    healthy = parts == {"database": "ok", "schema": "ok", "worker": "ok"}
    answer = JsonResponse({"status": "ok" if healthy else "down", **parts}, status=200 if healthy else 503)
    # While the studio starts this is no error, and Django logs each 503 as one.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The same with the storage, which is written to, and what waits. For administrators and for the probe's token."""
    if not _may_see_detail(request):
        raise Http404
    parts: dict[str, Any] = {**_parts(), "storage": _storage(), "queue": None, "tasks": None}
    healthy = all(parts[part] == "ok" for part in ("database", "schema", "worker", "storage"))
    try:
        parts["queue"] = Generation.objects.filter(state=State.QUEUED).count()
        parts["tasks"] = OrmQ.objects.count()
        parts["paused"] = UpstreamAccount.load().pause_code
    except Error:
        pass  # the answer says that the database is down
    return JsonResponse({"status": "ok" if healthy else "down", **parts}, status=200 if healthy else 503)


@login_not_required
@never_cache
@xframe_options_deny
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, with the token in LEMONSTUDIO_METRICS_TOKEN; 404 for all others."""
    if not _has_token(request, settings.LEMONSTUDIO_METRICS_TOKEN):
        return HttpResponseNotFound("Not found\n", content_type="text/plain")
    COUNTERS.save()
    registry = CollectorRegistry(auto_describe=False)
    try:
        registry.register(StudioCollector())
        text = generate_latest(registry)
    except Error:
        return HttpResponse("The database is away.\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _parts() -> dict[str, str]:
    parts = {"database": "down", "schema": "unknown", "worker": "down"}
    try:
        parts["worker"] = "ok" if UpstreamAccount.is_held() else "down"
        parts["database"] = "ok"
        parts["schema"] = schema.state()
    except Error:
        pass  # the answer says so
    return parts


def _may_see_detail(request: HttpRequest) -> bool:
    if _has_token(request, settings.LEMONSTUDIO_READY_TOKEN):
        return True
    return bool(request.user.is_authenticated and request.user.is_staff)


def _has_token(request: HttpRequest, token: str) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and secrets.compare_digest(given.encode(), token.encode())


def _storage() -> str:
    """“ok” if a file can be stored and read back now."""
    try:
        probe(default_storage)
    except OSError:
        return "down"
    return "ok"
