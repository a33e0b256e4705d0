"""Asks the upstream what it offers, and keeps the answer for the comparison with the catalogue."""

import json
from dataclasses import asdict

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext_noop

from gallery import upstream
from gallery.models import CatalogueSnapshot

KEPT = 10
NOTHING_OFFERED = gettext_noop("The service answered, but its list holds no model for pictures.")


def sync_catalogue() -> CatalogueSnapshot:
    """Ask, and keep what was answered, or in plain words why nothing was. Takes up to two minutes."""
    snapshot = _ask()
    snapshot.save()
    latest = CatalogueSnapshot.objects.values_list("pk", flat=True)[:KEPT]
    CatalogueSnapshot.objects.filter(pk__lt=min(latest)).delete()
    return snapshot


def _ask() -> CatalogueSnapshot:
    try:
        client = upstream.Client(settings.LEMONDATA_BASE_URL, settings.LEMONDATA_API_KEY)
    except ValueError as unusable:
        return CatalogueSnapshot(error=f"{unusable} Correct the studio's settings, and look again.")
    try:
        offered = client.catalogue()
    except upstream.UpstreamError as error:
        return CatalogueSnapshot(error=" ".join(part for part in (error.message, error.hint) if part))
    finally:
        client.close()
    answer = json.loads(json.dumps(asdict(offered), cls=DjangoJSONEncoder))
    return CatalogueSnapshot(
        offered=answer["models"], left_out=answer["left_out"], error="" if answer["models"] else NOTHING_OFFERED
    )
