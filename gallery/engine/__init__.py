"""Carries generations to the upstream and polls them until they end.

An engine is a thread in a cluster worker. Every worker starts one. The one that holds the account's lease works, and
the others wait until the lease is free. Only its loop touches the database and decides. Requests run in pools of
threads and come back as outcomes. So there is one place where requests are counted, and no request waits for another.

Nothing is sent twice. A row is `submitting`, with this engine's fence, before its POST, and no other engine sends that
row again. A row whose engine is gone becomes interrupted, because the outcome is unknown.

    loop      the thread's life: lease, steps, stop
    sending   from `queued` to what came of the POST
    polling   from `pending` to the results
    outcomes  what came of each request, until the loop has handled it
    gate      whether, and how often, the account may be talked to
    holds     which requests wait while others go on
    results   what was paid for, kept at once
    inbox     the files of it, in storage and held on this machine
    storage_watch   whether storage is well
"""

from gallery.engine.loop import Engine
from gallery.engine.timing import Timing

__all__ = ["Engine", "Timing"]
