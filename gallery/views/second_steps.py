"""A person's second steps: what allauth's page does not know."""

from typing import Any

from allauth.mfa.base.views import IndexView

from gallery.web import second_step


class SecondSteps(IndexView):  # type: ignore[misc] # allauth has no types
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "is_asked": second_step.is_asked_of(self.request.user)}
