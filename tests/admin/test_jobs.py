"""Background jobs in the administration are there to look at."""

from datetime import timedelta

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task, schedule

from gallery.enqueue import enqueue_submit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["schedule", "success", "failure", "ormq"])
def test_nothing_can_be_added(as_administrator: Client, kind: str) -> None:
    assert as_administrator.get(f"/admin/django_q/{kind}/add/").status_code == 403
    form = {"func": "subprocess.getoutput", "args": "'id'", "schedule_type": "O", "name": "x"}
    assert as_administrator.post(f"/admin/django_q/{kind}/add/", form).status_code == 403
    assert not Schedule.objects.filter(func="subprocess.getoutput").exists()


def test_a_schedule_cannot_be_changed_or_deleted(as_administrator: Client) -> None:
    row = Schedule.objects.get(name="Housekeeping")
    page = f"/admin/django_q/schedule/{row.pk}/"
    assert as_administrator.get(f"{page}change/").status_code == 200
    assert as_administrator.post(f"{page}change/", {"func": "os.getenv", "name": row.name}).status_code == 403
    assert as_administrator.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.func == "gallery.tasks.tidy_up"


def test_no_job_is_run_again_from_the_web(as_administrator: Client) -> None:
    now = timezone.now()
    task = Task.objects.create(
        id="one",
        name="one",
        func="os.getenv",
        args=("SECRET",),
        result="the secret",
        started=now,
        stopped=now,
        success=True,
    )
    form = {"action": "resubmit_task", "_selected_action": [task.pk]}
    as_administrator.post("/admin/django_q/success/", form)
    assert not OrmQ.objects.exists()
    assert b"the secret" not in as_administrator.get(f"/admin/django_q/success/{task.pk}/change/").content


def test_a_failure_is_told_without_its_traceback(as_administrator: Client) -> None:
    now = timezone.now()
    result = "no room : Traceback (most recent call last): key=sk-secret"
    Task.objects.create(
        id="one", name="one", func="gallery.tasks.ingest", result=result, started=now, stopped=now, success=False
    )
    page = as_administrator.get("/admin/django_q/failure/").content.decode()
    assert "no room" in page
    assert "sk-secret" not in page


@pytest.mark.parametrize("function", ["subprocess.getoutput", "os.getenv", "gallery.models.Person", "gallery.tasks._x"])
def test_only_the_studio_s_tasks_are_queued(function: str) -> None:
    with pytest.raises(SuspiciousOperation):
        async_task(function, "id")
    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_schedule_of_another_function_runs_nothing() -> None:
    """A row that was changed in the database, past the administration."""
    from django_q.scheduler import scheduler

    schedule("subprocess.getoutput", "id", schedule_type="O", next_run=timezone.now() - timedelta(minutes=1))
    scheduler()
    assert not OrmQ.objects.filter(payload__contains="getoutput").exists()
    assert "subprocess.getoutput" not in [message.func() for message in OrmQ.objects.all()]


def test_the_studio_s_own_messages_pass() -> None:
    enqueue_submit(1)
    assert [message.func() for message in OrmQ.objects.all()] == ["gallery.tasks.submit"]
