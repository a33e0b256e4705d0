from typing import Any

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"
    verbose_name = "Studio"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from gallery import checks  # noqa: F401 registers the system checks

        post_spawn.connect(start_courier, dispatch_uid="gallery.start_courier")


def start_courier(sender: Any, proc_name: str = "", **kwargs: Any) -> None:
    """django-q2 says this in each process it has started; the workers are where the courier lives."""
    if "Worker" not in proc_name and not proc_name.startswith("Process-"):
        return
    from gallery.engine import ensure_running

    ensure_running()
