"""What makes a form that is sent twice one request."""

import hashlib
import json
import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

# Fields that do not say what is asked for. `again` is the answer to “You made this already”.
NO_CONTENT = {"token", "again"}


class TokenForm(forms.Form):
    """The cleaned token stands for the page and for what it was filled in with.

    The browser's Back brings a page back with the token of what was sent from it. Filled in anew, it is a new request.
    """

    token = forms.UUIDField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={
            "invalid": gettext_lazy("Something is wrong with this page. Copy your prompt, and load the page anew.")
        },
    )

    def clean_token(self) -> uuid.UUID | None:
        token: uuid.UUID | None = self.cleaned_data["token"]
        return token and uuid.uuid5(token, json.dumps([self._content(name) for name in sorted(self.fields)]))

    def _content(self, name: str) -> Any:
        """What was sent in a field: its values, or the digests of its files."""
        if name in NO_CONTENT:
            return None
        field, key = self.fields[name], self.add_prefix(name)
        sent = field.widget.value_from_datadict(self.data, self.files, key)
        if not isinstance(field, forms.FileField) or not sent:
            return str(sent)
        digest = hashlib.sha256()
        for chunk in sent.chunks():
            digest.update(chunk)
        sent.seek(0)
        return digest.hexdigest()
