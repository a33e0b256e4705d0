"""The error that a command raises when its input is not valid."""


class InvalidInput(Exception):
    """`message` tells the person what is wrong. `field` names the form's field; "" stands for the whole form."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
