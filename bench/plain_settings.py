"""A throwaway Django project for the plain way: what django-q2's first pages tell one to write."""

import os
from pathlib import Path

DATA = Path(os.environ["BENCH_DATA"])
SECRET_KEY = "bench"  # noqa: S105 it guards nothing
USE_TZ = True
INSTALLED_APPS = ["django_q"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "plain.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# As many workers as the studio has, and times under which no task is cut off or comes twice.
Q_CLUSTER = {"name": "plain", "orm": "default", "workers": 4, "timeout": 330, "retry": 1800, "save_limit": 0}
