"""Makes snapshot.zip: a studio's data folder, stopped in the middle of its work by an older version.

Run it with the older version's own code, in a checkout of it with its virtual environment:

    cd /path/to/the/old/checkout
    .venv/bin/python …/tests/upgrade/make_snapshot.py …/tests/upgrade/snapshot.zip

The snapshot in the repository was made at commit e74b7fb, the last one before the code was laid out anew. Downloads
were packages then, tasks had other names, and the messages in the queue say so. The upstream is called
ORIGIN in it; the test puts the address of its own in that place.
"""

import contextlib
import io
import json
import os
import sqlite3
import sys
import tempfile
import zipfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

SECRET_KEY = "the older studio's secret key, 0123456789"
ORIGIN = "http://upstream.invalid"


def main(target: Path) -> None:
    data = Path(tempfile.mkdtemp(prefix="lemonstudio-snapshot-"))
    os.environ |= {"LEMONSTUDIO_ENV": "local", "LEMONSTUDIO_DATA": str(data), "SECRET_KEY": SECRET_KEY}
    os.environ |= {"LEMONDATA_BASE_URL": f"{ORIGIN}/v1", "LEMONDATA_API_KEY": "sk-test-0123456789abcdef"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "lemonstudio.settings"
    sys.path.insert(0, str(Path.cwd()))
    import django.db
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    facts = fill()
    django.db.connection.close()
    database = data / "studio.sqlite3"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(database, database.name)
        archive.writestr("facts.json", json.dumps(facts, indent=1))
        for path in sorted((data / "media").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(data))
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


def png(colour: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(file, "PNG")
    return file.getvalue()


def fill() -> dict[str, object]:
    """Whatever a studio may have under way; returns what the test cannot read from the database."""
    import base64

    from django.contrib.auth.models import Group
    from django.utils import timezone
    from gallery import mirror, packing, services
    from gallery.courier.results import Deliveries, keep_results
    from gallery.dispatch import send_mirror, send_search_refresh, send_thumbnails
    from gallery.models import (
        Budget,
        Gallery,
        GalleryEntry,
        Generation,
        ImageModel,
        Membership,
        Package,
        Person,
        Picture,
        Role,
        UpstreamAccount,
    )
    from gallery.takeaway import Format, Shape
    from gallery.upstream import Answer, Result, Status

    ada = services.set_up("Ada Administrator", "ada@example.org", "correct horse battery")
    olivia = Person.objects.create_user("olivia@example.org", "correct horse battery", name="Olivia Owner")
    tom = Person.objects.create_user("tom@example.org", "correct horse battery", name="Tom Teammate")
    painters = Group.objects.create(name="Painters")
    olivia.groups.add(painters)
    Budget.objects.create(person=olivia, amount=Decimal(100))
    Budget.objects.create(group=painters, amount=Decimal(200))
    sketches = services.make_gallery(olivia, "Sketches")
    Membership.objects.create(gallery=sketches, person=tom, role=Role.VIEWER)
    model = ImageModel.objects.get(slug="dall-e-3")
    fence = UpstreamAccount.take_lease("the older worker", 10)
    assert fence

    def ask(prompt: str, count: int = 1) -> "Generation":
        options = {"size": "1024x1024"}
        return services.submit(olivia, model=model, prompt=prompt, options=options, count=count, gallery=sketches)

    def on_its_way(prompt: str) -> "Generation":
        generation = ask(prompt)
        assert generation.claim(fence)
        return generation

    deliveries = Deliveries(send_mirror, fetch_by=30)

    def inside(generation: "Generation", colour: str) -> list[dict[str, str]]:
        answer = Answer(Status.COMPLETED, results=(Result(b64=base64.b64encode(png(colour)).decode()),))
        return keep_results(generation.pk, answer)

    # Finished, with their pictures; of two of them the thumbnails are not made yet, and the messages wait.
    finished = []
    for number, colour in enumerate(("#f2d64b", "#8fbf5a", "#d9534f", "#5bc0de")):
        generation = on_its_way(f"sync 0 finished {number}")
        deliveries.deliver(generation, inside(generation, colour))
        mirror.mirror(generation.pk)
        picture = Picture.objects.get(generation=generation)
        finished.append(picture.pk)
        if number < 2:
            mirror.make_thumbnails(picture.pk)
        else:
            send_thumbnails(picture.pk)
    assert GalleryEntry.objects.filter(gallery=sketches).count() == 4
    # What they left in the queue was taken; what follows stays.
    from django_q.models import OrmQ

    OrmQ.objects.filter(key="lemonstudio").delete()

    for number in range(3):
        ask(f"sync 0 queued {number}")
    tasks = {}
    for number in range(2):
        generation = on_its_way(f"task 0 pending {number}")
        task_id = f"img_old_{number}"
        tasks[task_id] = generation.prompt
        generation.accept(
            task_id=task_id,
            poll_url=f"/v1/tasks/{task_id}",
            processing=bool(number),
            progress=None,
            due_at=timezone.now() + timedelta(seconds=3),
        )
    # The answer was kept, and then the worker died before it could note it.
    inside(on_its_way("inside 0 answered, not noted"), "#123456")
    # Nobody knows whether the upstream has it.
    on_its_way("sync 0 unknown")
    saving = on_its_way("sync 0 saving by its address")
    deliveries.deliver(saving, [{"url": f"{ORIGIN}/pictures/saving.png", "revised_prompt": ""}])
    saving = on_its_way("inside 0 saving from the inbox")
    deliveries.deliver(saving, inside(saving, "#654321"))
    refused = on_its_way("sync 0 refused")
    assert refused.fail(code="content_policy_violation", message="Refused.", hint="")

    _, token = services.make_link(
        sketches,
        olivia,
        {"label": "A friend", "expires_at": timezone.now() + timedelta(days=30), "allow_downloads": True},
    )
    _, invitation_token = services.invite(ada, days=30)
    send_search_refresh(olivia.pk)

    ready = services.ask_for_package(olivia, "Three", None, finished[:3], Shape(Format.ORIGINAL, None, False))
    packing.work(ready.pk)
    half = services.ask_for_package(olivia, "Sketches", sketches, finished, Shape(Format.JPEG, 128, True))
    # A worker took it, made a part of it, and was killed.
    work = packing._Work(half, half.take())
    work.stop_at = 0.0
    assert work._list()
    assert not work._go_on()
    half.refresh_from_db()
    assert (half.state, half.done) == ("building", 1)
    assert Package.objects.get(pk=ready.pk).state == "ready"
    assert Gallery.objects.count() == 1
    return {
        "made_at": timezone.now().timestamp(),
        "secret_key": SECRET_KEY,
        "origin": ORIGIN,
        "tasks": tasks,
        "share_link": token,
        "invitation": invitation_token,
        "ready": ready.pk,
        "building": half.pk,
        "messages": sorted(row.task["func"] for row in OrmQ.objects.all()),
        "states": dict(Generation.objects.values_list("prompt", "state")),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
