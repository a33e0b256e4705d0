import multiprocessing
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = _("Studio")

    def ready(self) -> None:
        from django.db.models.signals import post_migrate
        from django_q.signals import post_spawn

        from gallery import checks  # noqa: F401 registers the system checks
        from gallery.images.concurrency import DECODING
        from gallery.services import audit

        audit.connect()
        DECODING.folder = Path(settings.DATA_DIR) / "locks"
        post_spawn.connect(start_engine, dispatch_uid="gallery.start_engine")
        post_migrate.connect(mend_search, sender=self, dispatch_uid="gallery.mend_search")


def start_engine(**kwargs: Any) -> None:
    """A handler of django-q2's signal, which each new worker gets, and any process that runs a task in place."""
    if multiprocessing.parent_process() is None:
        return
    from gallery.engine.runner import ensure_running

    ensure_running()


def mend_search(using: str, **kwargs: Any) -> None:
    """A handler of Django's signal. Migrations on SQLite may have dropped the triggers of the search index."""
    from django.db import connections

    from gallery.db import search_index as search

    search.mend(connections[using])
