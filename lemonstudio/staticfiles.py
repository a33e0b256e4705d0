"""Static files under names with a hash of their content, so that browsers may cache them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StudioStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # WhiteNoise has no types
    """WhiteNoise's storage that also follows the `import` lines of our ES modules."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """The hashed name, or the plain name of a file that was not collected, so that the page still renders."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
