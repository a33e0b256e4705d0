"""The error of a command that cannot be carried out as it was asked for."""


class InvalidInput(Exception):
    """`message` says to the person what is wrong; `field` names the form's field, "" for the form as a whole."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
