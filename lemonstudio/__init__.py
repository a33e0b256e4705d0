"""The project. The version is here, so that a checkout and an installed package both know it."""

__version__ = "0.2.0"
