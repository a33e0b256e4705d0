"""How long the engine waits for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    lease: float = 8.0
    renew: float = 2.0
    contend: float = 1.0
    # How long to wait for a lease that has run out when it is first seen. If the clock was put forward, its holder
    # still lives and renews it.
    patience: float = 3.0
    step: float = 0.05
    # How long answers are handled before the lease is looked after again.
    slice: float = 1.0
    # How often the database is asked for rows that this engine does not know of yet.
    look_around: float = 2.0
    # How often to look for pictures in the inbox that no row names.
    sweep: float = 60.0
    # The vendor recommends a poll every 3 to 5 s, and every 5 to 10 s for long tasks.
    poll: float = 3.0
    # How often to ask about a generation that was cancelled or given up.
    late_poll: float = 60.0
    # Growing waits for requests that were surely not taken, and for polls that failed.
    retries: tuple[float, ...] = (2.0, 5.0, 15.0, 30.0, 60.0)
    # How long a refused account (wrong key, no balance) rests before one request asks again.
    account_pause: float = 30.0
    trouble_pause: float = 20.0
    # The wait for a 429 that does not say how long.
    rate_limit: float = 20.0
    # After such a refusal, how long until one of another model may find out that it is not about the account.
    second_opinion: float = 2.0
    # How long one model or what costs too much is held while others go on.
    holds: tuple[float, ...] = (30.0, 60.0, 120.0, 300.0)
    # What a stop grants to requests that are on their way.
    drain: float = 10.0
    # How long after delivery an ingest task may take to begin before another one is sent.
    fetch_by: float = 60.0
    # How often to try whether storage is well again, and whether this machine holds anything for it.
    storage_probe: float = 5.0
    # Administrators hear of storage only if its trouble lasts for longer than this.
    storage_tell: float = 30.0

    def poll_after(self, age: float) -> float:
        """How long until a task of this age is asked about again: longer from two minutes on, up to ten seconds."""
        return self.poll * min(max(1.0, age / 120), 10 / 3)

    def hold_for(self, refusals: int) -> float:
        """How long to hold what was refused so often after it was tried again."""
        return self.holds[min(refusals, len(self.holds) - 1)]

    def after(self, attempts: int) -> float:
        """How long to wait after so many attempts in vain."""
        return self.retries[min(attempts, len(self.retries) - 1)]
