"""django-q2's ORM broker with a second queue for messages that may wait.

A burst of finished generations sends a burst of messages. In a single queue, the thumbnails of the first would be made
before the originals of the last are fetched, and people wait for the originals.
"""

import multiprocessing.util
import os
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import SignedPackage

from lemonstudio.processes.bell import Bell, ring

BELL = "tasks"
LATER = f"{Conf.CLUSTER_NAME}-later"


class StudioBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    # The process that waits for messages, and its bell.
    _listens: tuple[int, Bell] | None = None

    def enqueue(self, task: str) -> int:
        """Queue a message. Raises SuspiciousOperation for a function that is none of the studio's tasks.

        A schedule names its function as a text. Without this check, a changed row would run any function there is.
        """
        module, _, name = str(SignedPackage.loads(task)["func"]).rpartition(".")
        if module not in settings.LEMONSTUDIO_TASK_MODULES or name.startswith("_"):
            raise SuspiciousOperation(f"{module}.{name} is not a task of the studio.")
        number = int(super().enqueue(task))
        transaction.on_commit(lambda: ring(BELL), using=Conf.ORM, robust=True)
        return number

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Take what is due, from the second queue only while the first is empty; wait a moment if nothing is.

        Taking is a compare-and-set on the lock, as in the parent class: of several clusters, one gets the message.
        """
        now = timezone.now()
        # No lock lasts longer than that: one further ahead was set before the machine's clock was put back. A message
        # that comes twice does no harm; one that does not come for hours does.
        due = Q(lock__lt=now) | Q(lock__gt=now + timedelta(seconds=Conf.RETRY + 60))
        for key in (self.list_key, LATER):
            taken = [
                (message.pk, message.payload)
                for message in self.get_connection().filter(due, key=key).order_by("pk")[: Conf.BULK]
                if self.get_connection().filter(pk=message.pk, lock=message.lock).update(lock=self.timeout(message))
            ]
            if taken:
                return taken
        self._bell().wait(Conf.POLL)
        return None

    def _bell(self) -> Bell:
        """This process's: a fork must not share it."""
        if self._listens is None or self._listens[0] != os.getpid():
            bell = Bell(BELL)
            multiprocessing.util.Finalize(bell, bell.close, exitpriority=0)
            self._listens = os.getpid(), bell
        return self._listens[1]


def later() -> StudioBroker:
    """The second queue: `async_task(…, broker=later())`."""
    return StudioBroker(list_key=LATER)
