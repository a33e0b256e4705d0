"""What the workers of the process tests run; files are their witnesses."""

import multiprocessing.util
import os
import threading
import time
from pathlib import Path


def nap(witness: str, seconds: float = 0) -> None:
    """Write this worker's pid at the beginning, and a second file at the end."""
    Path(witness).write_text(str(os.getpid()))
    time.sleep(seconds)
    Path(f"{witness}.done").touch()


def leave_a_engine(witness: str, seconds: float) -> None:
    """A thread that never ends by itself, and a last word that takes a while."""

    def last_word() -> None:
        time.sleep(seconds)
        Path(f"{witness}.done").touch()

    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    multiprocessing.util.Finalize(None, last_word, exitpriority=10)
    Path(witness).write_text(str(os.getpid()))
