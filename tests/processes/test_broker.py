"""The queue: originals before thumbnails, and each message to one taker."""

import pytest
from django_q.models import OrmQ

from gallery.enqueue import enqueue_ingest, enqueue_thumbnails
from gallery.tasks import thumbnails
from lemonstudio.processes.broker import LATER, StudioBroker

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def keys() -> list[str]:
    return list(OrmQ.objects.order_by("pk").values_list("key", flat=True))


def taken(broker: StudioBroker) -> list[int]:
    return [pk for pk, _ in broker.dequeue() or []]


def test_originals_come_before_thumbnails_that_were_sent_first() -> None:
    enqueue_thumbnails(1)
    enqueue_ingest(2)
    assert keys() == [LATER, "lemonstudio"]
    later, first = OrmQ.objects.order_by("pk").values_list("pk", flat=True)
    broker = StudioBroker(list_key="lemonstudio")
    assert taken(broker) == [first]
    assert taken(broker) == [later]
    assert taken(broker) == []


def test_a_message_that_was_taken_is_not_taken_again() -> None:
    enqueue_ingest(1)
    one, other = StudioBroker(list_key="lemonstudio"), StudioBroker(list_key="lemonstudio")
    assert len(taken(one) + taken(other)) == 1


def test_a_thumbnail_task_for_a_picture_that_is_gone_does_nothing() -> None:
    thumbnails(999)
    assert keys() == []
