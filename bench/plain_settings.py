"""A minimal Django project for the plain side, as the first pages of django-q2's documentation describe."""

import os
from pathlib import Path

DATA = Path(os.environ["BENCH_DATA"])
SECRET_KEY = "bench"  # noqa: S105 it protects nothing
USE_TZ = True
INSTALLED_APPS = ["django_q"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "plain.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The studio's number of workers, and times that neither cut off a task nor run it twice.
Q_CLUSTER = {"name": "plain", "orm": "default", "workers": 4, "timeout": 330, "retry": 1800, "save_limit": 0}
