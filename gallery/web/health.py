"""Whether the studio's parts are up, for a load balancer or a person."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ

from gallery.models import Generation, State, UpstreamAccount


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 with the state of each part, 503 if one is down. It is public, so it names no secrets and no people."""
    parts: dict[str, Any] = {"database": "down", "worker": "down", "queue": None, "tasks": None, "storage": _storage()}
    try:
        parts["queue"] = Generation.objects.filter(state=State.QUEUED).count()
        parts["tasks"] = OrmQ.objects.count()
        parts["worker"] = "ok" if UpstreamAccount.is_held() else "down"
        parts["database"] = "ok"
    except Error:
        pass  # the answer says so
    healthy = all(parts[part] == "ok" for part in ("database", "worker", "storage"))
    return JsonResponse({"status": "ok" if healthy else "down", **parts}, status=200 if healthy else 503)


def _storage() -> str:
    """“ok” if a file can be stored and read back now."""
    probe: bytes = uuid.uuid4().bytes
    try:
        name = default_storage.save(f"health/{uuid.uuid4().hex}", ContentFile(probe))
        try:
            with default_storage.open(name) as stored:
                return "ok" if stored.read() == probe else "down"
        finally:
            default_storage.delete(name)
    except Exception:  # noqa: BLE001 a storage backend may raise anything; the answer is the same
        return "down"
