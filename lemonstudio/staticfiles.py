"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StudioStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # WhiteNoise has no types
    """WhiteNoise's storage that also follows the `import` lines of our ES modules."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """The hashed name; the plain one for a file that was not collected, so that the page still renders."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name
