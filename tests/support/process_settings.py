"""Settings for worker processes that also run what the process tests give them."""

from lemonstudio.settings import *  # noqa: F403 all of them, and one more module
from lemonstudio.settings import LEMONSTUDIO_TASK_MODULES

LEMONSTUDIO_TASK_MODULES += ["tests.processes.process_tasks"]
