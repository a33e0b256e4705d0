"""Why the studio is paused, as people read it: in the studio's words. What the service said is for administrators."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gallery.models import UpstreamAccount
from gallery.models.account import STORAGE_CODES, UNTIL_RESUMED
from gallery.models.sentences import in_readers_language
from gallery.models.states import ACCOUNT_CODES

_KEY_CODES = ("invalid_api_key", "expired_api_key")
_WORDS = {
    **dict.fromkeys(ACCOUNT_CODES, gettext_lazy("The studio’s balance at the service is used up.")),
    **dict.fromkeys(_KEY_CODES, gettext_lazy("The service does not accept the studio’s key.")),
    "rate_limit_exceeded": gettext_lazy("The service has asked the studio to wait."),
}


def _is_ours(account: UpstreamAccount) -> bool:
    """Whether the studio itself has written why."""
    return account.pause_code in (*STORAGE_CODES, *UNTIL_RESUMED)


def pause_words(account: UpstreamAccount) -> str:
    if _is_ours(account):
        return in_readers_language(account.pause_message)
    return str(_WORDS.get(account.pause_code, _("The service does not answer as it should at the moment.")))


def pause_help(account: UpstreamAccount) -> str:
    """What ends it; "" if it ends by itself."""
    if _is_ours(account):
        return in_readers_language(account.pause_hint)
    return _("An administrator can help.") if account.pause_code in ACCOUNT_CODES else ""
