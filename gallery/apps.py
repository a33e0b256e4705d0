import multiprocessing
from typing import Any

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = "Studio"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from gallery import checks  # noqa: F401 registers the system checks

        post_spawn.connect(start_courier, dispatch_uid="gallery.start_courier")


def start_courier(**kwargs: Any) -> None:
    """django-q2 says this in each worker that it has started, and in any process that runs a task in place."""
    if multiprocessing.parent_process() is None:
        return
    from gallery.engine import ensure_running

    ensure_running()
