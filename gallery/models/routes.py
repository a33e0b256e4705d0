"""Where each operation of a model is sent, and in what form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from gallery.models.options import Operation, keys_of

_PATH = re.compile(r"/[a-z0-9_-]+(/[a-z0-9_-]+){0,5}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}(\[\])?")
_KEYS = {"endpoint", "encoding", "image", "images", "references", "mask", "fields"}
_KEYS |= {"lent", "lent_image", "lent_images"}
MOST_REFERENCES = 16


@dataclass(frozen=True, slots=True)
class Route:
    """How a request of one operation goes out. `endpoint` is a path below the API's base URL.

    `image` names the file part of one picture, `images` that of each of several. `references` is how many pictures go
    along at most, `fields` are sent besides what the person chose. `lent` is how many pictures the model takes as
    addresses, in `lent_image` or (several) `lent_images`, if the upstream can reach the studio: see
    `services.lending`.
    """

    endpoint: str
    encoding: str = "json"  # or "multipart"
    image: str = "image"
    images: str = "image[]"
    references: int = 0
    mask: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    lent: int = 0
    lent_image: str = "image_url"
    lent_images: str = "image_urls"

    def most_pictures(self, *, lends: bool) -> int:
        """How many go along at most; `lends`: whether the upstream can fetch some from the studio."""
        return max(self.references, self.lent if lends else 0)


USUAL = {
    Operation.GENERATE: Route("/images/generations"),
    Operation.EDIT: Route("/images/edits", "multipart", references=1, mask=True),
    Operation.VARY: Route("/images/variations", "multipart", references=1),
}


def route_of(routes: Mapping[str, Any], operation: str) -> Route | None:
    """The route that a valid `ImageModel.routes` has for an operation, else the usual one; None where there is none."""
    row = routes.get(operation)
    return Route(**row) if row is not None else USUAL.get(Operation(operation))


def validate_routes(value: Any) -> None:
    """Accept {operation: {"endpoint": path, …}}; raise ValidationError otherwise."""
    if not isinstance(value, dict):
        raise ValidationError(_("Routes are an object with a key for each operation."))
    for operation, row in value.items():
        if operation not in set(Operation):
            raise ValidationError(
                _("“%(operation)s” is no operation; there are %(operations)s.")
                % {"operation": operation, "operations": ", ".join(Operation)}
            )
        if not isinstance(row, dict) or "endpoint" not in row or not set(row) <= _KEYS:
            raise ValidationError(
                _("A route has an endpoint, and maybe %(more)s. That of “%(operation)s” has %(keys)s.")
                % {"more": ", ".join(sorted(_KEYS - {"endpoint"})), "operation": operation, "keys": keys_of(row)}
            )
        _validate_route(operation, row)


def _validate_route(operation: str, row: dict[str, Any]) -> None:
    if not isinstance(row["endpoint"], str) or not _PATH.fullmatch(row["endpoint"]):
        raise ValidationError(
            _("The endpoint of “%(operation)s” is a path such as /images/edits.") % {"operation": operation}
        )
    if row.get("encoding", "json") not in ("json", "multipart"):
        raise ValidationError(_("The encoding of “%(operation)s” is json or multipart.") % {"operation": operation})
    if not all(
        isinstance(row.get(key, "image"), str) and _FIELD.fullmatch(row.get(key, "image"))
        for key in ("image", "images", "lent_image", "lent_images")
    ):
        raise ValidationError(
            _("The picture fields of “%(operation)s” are names such as image or image[].") % {"operation": operation}
        )
    for key in ("references", "lent"):
        most = row.get(key, 0)
        if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= MOST_REFERENCES:
            raise ValidationError(
                _("“%(operation)s” takes 0 to %(most)s references.") % {"operation": operation, "most": MOST_REFERENCES}
            )
    references = row.get("references", 0)
    if references and row.get("encoding", "json") != "multipart":
        raise ValidationError(
            _("“%(operation)s” takes pictures, which the studio sends as multipart.") % {"operation": operation}
        )
    if not isinstance(row.get("mask", False), bool):
        raise ValidationError(_("The mask of “%(operation)s” is true or false.") % {"operation": operation})
    fields = row.get("fields", {})
    if not isinstance(fields, dict) or not all(isinstance(one, str) for pair in fields.items() for one in pair):
        raise ValidationError(_("The fields of “%(operation)s” are texts.") % {"operation": operation})
