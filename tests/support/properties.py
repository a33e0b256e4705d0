"""How many cases properties run with: HYPOTHESIS_PROFILE is `quick` (the default), `ci` or `nightly`.

`ci` runs the same cases every time, `quick` fewer where they are slow, `nightly` many more.
"""

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
IS_NIGHTLY = PROFILE == "nightly"
IS_QUICK = PROFILE == "quick"

settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", deadline=None, max_examples=2_000)


def cases(few: int, nightly: int, **options: Any) -> settings:
    """Settings for a property that makes so many cases, the same ones every time but at night."""
    return settings(
        max_examples=nightly if IS_NIGHTLY else few,
        derandomize=not IS_NIGHTLY,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **options,
    )
