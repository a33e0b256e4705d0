"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StudioStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # WhiteNoise has no types
    """WhiteNoise's storage that also follows the `import` lines of our ES modules."""

    support_js_module_import_aggregation = True
    # A page whose picture of the static files is older than the code still renders, with unhashed names.
    manifest_strict = False
