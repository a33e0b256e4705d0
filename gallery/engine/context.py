"""What the loop's parts share."""

from dataclasses import dataclass

from gallery import upstream
from gallery.engine.gate import Gate
from gallery.engine.outcomes import Outcomes
from gallery.engine.results import Deliveries
from gallery.engine.storage_watch import StorageWatch
from gallery.engine.timing import Timing


@dataclass(frozen=True, slots=True)
class Context:
    """One engine's: client, waits, whether it may talk, what came back, what to do with results, and storage."""

    client: upstream.Client
    timing: Timing
    gate: Gate
    outcomes: Outcomes
    deliveries: Deliveries
    storage: StorageWatch
