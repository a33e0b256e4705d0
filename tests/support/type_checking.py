"""Settings for the type checker, which loads them to know the models. They are those of a local studio."""

import os

os.environ.setdefault("LEMONSTUDIO_ENV", "local")
os.environ.setdefault("LEMONSTUDIO_DATA", ".mypy_cache/studio")

from lemonstudio.settings import *  # noqa: F403 the settings read the environment when they are imported
