"""django-q2's cluster, made to end as a whole or to go on as a whole, never half.

A cluster is a tree: a parent, its sentinel, and the sentinel's children (workers, a pusher, a monitor), joined
by queues with locks that live in shared memory. django-q2 replaces children that died, but one that was killed
while it held a lock (an idle worker always holds the one for reading) leaves the others waiting for ever. Here:

- A process that is killed by a signal takes the whole tree along, with an exit code that makes the supervisor start
  it again. Children that leave by themselves (recycled, timed out, an error) are replaced, as django-q2 does.
- Only the parent listens to signals. The rest of the tree ignores them, so a signal to the whole group is the same as
  one to the parent. The parent tells the others through `Flag`, which has no lock that a killed process could hold.
- The tree watches its parent and ends with it.
- A stop gives back what no worker has begun, and waits for running tasks, but not for ever.
"""

import contextlib
import ctypes
import gc
import logging
import multiprocessing
import os
import queue
import signal
import time
import uuid
from multiprocessing.sharedctypes import RawValue
from typing import Any

from django import db
from django.conf import settings
from django.utils import timezone
from django_q.cluster import Cluster, Sentinel, get_mp_context
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.scheduler import scheduler
from django_q.status import Stat

from lemonstudio.processes import parent_watch

logger = logging.getLogger(__name__)

# What a stop may take in addition to LEMONSTUDIO_STOP_SECONDS: tasks that run, and the engine's hand-over.
HAND_OVER_SECONDS = 5.0
# A signal to the whole tree reaches the cluster twice: directly and from the supervisor. Only a later one means that a
# person does not want to wait for running tasks.
ECHO_SECONDS = 2.0
# How long a worker may need to leave after its task timed out, before it is killed.
LEAVE_SECONDS = 15.0
# A sentinel without a sign of life for so long hangs: it looks after its children twice a second, and waits for no
# database longer than for its time-out.
SILENCE_SECONDS = 120.0
SCHEDULE_SECONDS = 30.0

IGNORED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_seconds() -> float:
    """How long a stop may take until what still runs is cut off."""
    return float(settings.LEMONSTUDIO_STOP_SECONDS) + HAND_OVER_SECONDS


class Flag:
    """multiprocessing's Event without the locks: a process that is killed while it looks blocks no other."""

    def __init__(self) -> None:
        self._raised = RawValue(ctypes.c_bool, False)

    def set(self) -> None:
        self._raised.value = True

    def is_set(self) -> bool:
        return bool(self._raised.value)

    def wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self.is_set() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self.is_set()


_stop = Flag()


def stopping() -> bool:
    """Whether the cluster that this worker belongs to was asked to stop; its tasks may still be running."""
    return _stop.is_set()


class ChildKilledError(Exception):
    """A child was ended by a signal that was not ours."""


class StudioSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    pool: list[Any]

    def __init__(self, stop: Flag, started: Flag, cluster_id: uuid.UUID, pulse: Any) -> None:
        super().__init__(stop, started, cluster_id, start=False)
        self.event_out = Flag()
        self._pulse = pulse
        # Workers whose task is over its time, with the moment at which they are killed.
        self._overdue: dict[int, float] = {}

    def guard(self) -> None:
        self.start_event.set()
        looked = scheduled = time.monotonic()
        while not self.stop_event.wait(Conf.GUARD_CYCLE):
            now = self._pulse.value = time.monotonic()
            for worker in list(self.pool):
                self._look_after(worker, now, now - looked)
            looked = now
            for child in (self.monitor, self.pusher):
                if not child.is_alive():
                    self._require_unkilled(child)
                    self.reincarnate(child)
            if Conf.SCHEDULER and now - scheduled >= SCHEDULE_SECONDS:
                scheduled = now
                scheduler(broker=self.broker)
            Stat(self).save()
        self.stop()

    def _look_after(self, worker: Any, now: float, elapsed: float) -> None:
        """Count a busy worker's time down; replace one that left, or that does not although it should."""
        lock = worker.timer.get_lock()
        if not worker.is_alive():
            self._require_unkilled(worker)
        elif not lock.acquire(timeout=1):
            return  # killed while it held the lock; the next look sees its exit code
        else:
            # A worker at zero is in its task or on its way out, and the lock keeps it from going on: killed now,
            # it holds nothing that the others need.
            try:
                if worker.timer.value > 0:
                    worker.timer.value = max(worker.timer.value - elapsed, 0)
                if worker.timer.value != 0:
                    self._overdue.pop(worker.pid, None)
                    return
                if now < self._overdue.setdefault(worker.pid, now + LEAVE_SECONDS) and worker.is_alive():
                    return
                worker.kill()
                worker.join()
            finally:
                lock.release()
        self._overdue.pop(worker.pid, None)
        self.reincarnate(worker)

    @staticmethod
    def _require_unkilled(child: Any) -> None:
        if child.exitcode < 0:
            raise ChildKilledError(f"Process {child.pid} was killed by signal {-child.exitcode}.")

    def stop(self) -> None:
        deadline = time.monotonic() + stop_seconds()
        unbegun: list[int] = []
        self.event_out.set()
        # The pusher may be waiting for room in the queue, so make some until it has gone; then take the rest.
        while self.pusher.is_alive() and time.monotonic() < deadline:
            self._take_back(unbegun)
        while self._take_back(unbegun):
            pass
        pills = len(self.pool)
        self._give_back(unbegun)
        while self.pool and time.monotonic() < deadline:
            if pills:
                with contextlib.suppress(queue.Full):
                    self.task_queue.put("STOP", timeout=0.05)
                    pills -= 1
            self.pool = [worker for worker in self.pool if worker.is_alive()]
            time.sleep(0.05)
        if self.pool:
            logger.warning(
                "Workers that were still busy after %d s and were cut off: %d", stop_seconds(), len(self.pool)
            )
        self.result_queue.put("STOP")
        self.monitor.join(max(deadline - time.monotonic(), 2))
        Stat(self).save()

    def _take_back(self, unbegun: list[int]) -> bool:
        """Take one message from the queue. While a worker waits there, there is none, and no way to look."""
        try:
            task = self.task_queue.get(timeout=0.05)
        except queue.Empty:
            return False
        if ack_id := task.get("ack_id"):
            unbegun.append(ack_id)
        return True

    def _give_back(self, unbegun: list[int]) -> None:
        """Unlock messages that no worker has seen, so that they do not wait until they are overdue."""
        if not (unbegun and Conf.ORM):
            return
        try:
            OrmQ.objects.using(Conf.ORM).filter(pk__in=unbegun).update(lock=timezone.now())
        except db.Error:
            logger.warning("%d messages could not be given back; they come again later.", len(unbegun))


def _guard(stop: Flag, started: Flag, cluster_id: uuid.UUID, pulse: Any, parent_pipe: parent_watch.ParentPipe) -> None:
    """The sentinel process. It never leaves in the usual way, which waits for children even if they cannot end."""
    code = 1
    try:
        parent_pipe.close_write_end()
        parent_watch.watch_parent(parent_pipe.read_fd, grace=0)
        sentinel = StudioSentinel(stop, started, cluster_id, pulse)
        for number in IGNORED_SIGNALS:  # and so does every process that it forks
            signal.signal(number, signal.SIG_IGN)
        sentinel.start()
        code = 0
    except ChildKilledError as error:
        logger.error("%s The cluster ends, since that may have left the others waiting for ever.", error)
    except Exception:
        logger.exception("The cluster's sentinel failed.")
    finally:
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(code)


class StudioCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    def __init__(self) -> None:
        super().__init__()  # sends SIGTERM and SIGINT to sig_handler
        signal.signal(signal.SIGHUP, self.sig_handler)
        self.stop_event, self.start_event = _stop, Flag()
        self._asked_at = 0.0
        self._hurry = False
        self._pulse = RawValue(ctypes.c_double, time.monotonic())
        self._parent_pipe = parent_watch.ParentPipe()

    def sig_handler(self, signum: int, frame: object) -> None:
        # No more than this: a handler may run in the middle of anything.
        now = time.monotonic()
        if not self._asked_at:
            self._asked_at = now
        elif now - self._asked_at > ECHO_SECONDS:
            self._hurry = True

    def start(self) -> int:
        db.connections.close_all()
        # What exists now never becomes garbage. The collector must know, so that children share the memory.
        gc.collect()
        gc.freeze()
        self.sentinel = get_mp_context().Process(
            target=_guard,
            args=(self.stop_event, self.start_event, self.cluster_id, self._pulse, self._parent_pipe),
        )
        self.sentinel.start()
        return int(self.pid)

    def run(self) -> int:
        """Run until asked to stop (then 0) or until it cannot go on (then 1)."""
        self.start()
        while not self._asked_at:
            self.sentinel.join(0.2)
            if not self.sentinel.is_alive():
                if self.sentinel.exitcode < 0:
                    logger.error("The cluster's sentinel was killed by signal %d.", -self.sentinel.exitcode)
                return self._end(1)
            if time.monotonic() - self._pulse.value > SILENCE_SECONDS:
                logger.error("The cluster's sentinel hangs.")
                return self._end(1)
        self.stop_event.set()
        end = time.monotonic() + stop_seconds() + 3
        while self.sentinel.is_alive() and not self._hurry and time.monotonic() < end:
            self.sentinel.join(0.2)
        return self._end(0)

    def _end(self, code: int) -> int:
        """The sentinel first, so that it replaces no child; the others notice that their parent is gone."""
        self.sentinel.kill()
        self.sentinel.join()
        self._parent_pipe.close()
        return code
