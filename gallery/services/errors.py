"""The error that a command raises when its input is not valid."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class InvalidInput(Exception):
    """`message` tells the person what is wrong. `field` names the form's field; "" stands for the whole form."""

    def __init__(self, message: "_StrOrPromise", field: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.field = field
