"""What the loop's parts share."""

from dataclasses import dataclass

from gallery import upstream
from gallery.engine.gate import Gate
from gallery.engine.outcomes import Outcomes
from gallery.engine.results import Deliveries
from gallery.engine.timing import Timing


@dataclass(frozen=True, slots=True)
class Context:
    """One engine's: its client, its waits, whether it may talk, what came back, and what to do with results."""

    client: upstream.Client
    timing: Timing
    gate: Gate
    outcomes: Outcomes
    deliveries: Deliveries
