"""The settings of a local studio, for the type checker, which loads them to know the models."""

import os

os.environ.setdefault("LEMONSTUDIO_ENV", "local")
os.environ.setdefault("LEMONSTUDIO_DATA", ".mypy_cache/studio")

from lemonstudio.settings import *  # noqa: F403 importing the settings reads the environment
