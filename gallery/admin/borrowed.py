"""Words of Django and its apps in the administration that have no translation of their own."""

from django.utils.translation import gettext_noop

WORDS = (
    gettext_noop("Add link"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop("Arguments"),
    gettext_noop("Attempt count"),
    gettext_noop("Change or view list link"),
    gettext_noop("Cluster"),
    gettext_noop("Cluster key"),
    gettext_noop("Function"),
    gettext_noop("Lock until"),
    gettext_noop("Model name"),
    gettext_noop("Result"),
    gettext_noop("Started at"),
    gettext_noop("Stopped at"),
    gettext_noop("Task id"),
    gettext_noop("authenticator"),
    gettext_noop("authenticators"),
    gettext_noop("data"),
    gettext_noop("last used at"),
    gettext_noop("settings"),
    gettext_noop("type"),
    gettext_noop("user"),
)
