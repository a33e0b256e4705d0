"""Carries generations to the upstream and polls them until they end.

A engine is a thread in a cluster worker. Every worker starts one; the one that holds the account's lease works, the
others wait for it to fall free. Its loop alone touches the database and decides; requests run in pools of threads and
come back as outcomes. That makes one place where requests are counted, and no request ever waits for another.

Nothing is sent twice: a row is `submitting`, with this engine's fence, before its POST; whatever becomes of the
engine, no other one sends that row again. A row whose engine is gone is interrupted, because nobody knows.

    loop      the thread's life: lease, steps, stop
    sending   from `queued` to what came of the POST
    polling   from `pending` to the results
    gate      whether, and how often, the account may be talked to
    results   what was paid for, kept at once
"""

from gallery.engine.loop import Engine
from gallery.engine.timing import Timing

__all__ = ["Engine", "Timing"]
