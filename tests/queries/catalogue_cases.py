"""Offers of one model, and what compares them with ours."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from gallery.models import ImageModel
from gallery.queries.catalogue.diff import Comparison, Difference
from gallery.upstream.catalogue import OfferedModel, OfferedOption
from tests.conftest import model

SIZE = OfferedOption("size", "Picture size", ("1024x1024", "1792x1024", "1024x1792"), "1024x1024")
QUALITY = OfferedOption("quality", "Quality", ("standard", "hd"), "standard")
STYLE = OfferedOption("style", "Style", ("vivid", "natural"), "vivid")
RATIO = OfferedOption("aspect_ratio", "Aspect ratio", ("1:1", "16:9"), "1:1")


def offer(*models: OfferedModel) -> list[dict[str, Any]]:
    """The models as a snapshot stores them."""
    rows: list[dict[str, Any]] = json.loads(json.dumps([asdict(one) for one in models], cls=DjangoJSONEncoder))
    return rows


def dall_e_3(**changes: Any) -> OfferedModel:
    """The model as it was seeded, with these changes."""
    said = {"price": Decimal("0.04"), "options": (SIZE, QUALITY, STYLE)}
    return OfferedModel("dall-e-3", **{**said, **changes})


def ours(**fields: Any) -> ImageModel:
    """dall-e-3 with these fields set, as a person sets them in the administration."""
    found = model("dall-e-3")
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def only(comparison: Comparison) -> Difference:
    (difference,) = comparison.all
    return difference
