"""What operators meet besides killed processes: storage that is slow, away or cut off, drains, and restored backups."""

import contextlib
import logging
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.db import connections

from lemonstudio.processes.tree import ROOT
from tests.soak.service import Service
from tests.support.s3_proxy import S3Proxy

# Cards of each event in the deck. Storage is in trouble while processes are killed; the others take their time.
DECK = {"slow_down": 3, "cut": 3, "delay": 3, "drain": 2, "restore": 2}
STORAGE = frozenset({"slow_down", "cut", "delay"})
# Seconds that storage is in trouble, and by which it is late where it is slow.
TROUBLE = (1.0, 12.0)
DELAY = 0.5


class Bucket:
    """A bucket of moto's, behind a proxy that makes trouble."""

    def __init__(self, proxy: S3Proxy, name: str) -> None:
        self.proxy = proxy
        proxy.seconds = DELAY
        self.env = {
            "LEMONSTUDIO_S3_BUCKET": name,
            "LEMONSTUDIO_S3_ENDPOINT": proxy.url,
            "AWS_ACCESS_KEY_ID": "soak",
            "AWS_SECRET_ACCESS_KEY": "soak",
        }


@contextlib.contextmanager
def bucket() -> Iterator[Bucket]:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or it says each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url, name = f"http://{host}:{port}", f"soak-{uuid.uuid4().hex}"
    keys = {"aws_access_key_id": "soak", "aws_secret_access_key": "soak"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(Bucket=name)
    with S3Proxy(url) as proxy:
        yield Bucket(proxy, name)
    server.stop()


class Trouble:
    """Makes `total` events happen, evenly over the kills of a soak."""

    def __init__(self, bucket: Bucket, service: Service, chance: random.Random, total: int, kills: int) -> None:
        self.events: Counter[str] = Counter()
        self.problems: list[str] = []
        self._bucket, self._service, self._chance = bucket, service, chance
        self._total, self._kills = total, kills
        self._deck: list[str] = []
        self._well: threading.Timer | None = None
        self._log = service.data / "kills.txt"
        self._database = service.data / "studio.sqlite3"

    def after(self, kills: int) -> None:
        """Let happen what is due after so many kills."""
        while self.events.total() < self._total * kills // max(1, self._kills):
            self._happen()

    def end(self) -> None:
        """Storage is well from now on."""
        if self._well is not None:
            self._well.cancel()
        self._bucket.proxy.trouble = ""

    def _happen(self) -> None:
        if not self._deck:
            # Of PostgreSQL, the soak's server stays: it is not restored.
            deck = {name: cards for name, cards in DECK.items() if name != "restore" or self._database.exists()}
            self._deck = [name for name, cards in deck.items() for _ in range(cards)]
            self._chance.shuffle(self._deck)
        event = self._deck.pop()
        self.events[event] += 1
        with self._log.open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {event}\n")
        if event in STORAGE:
            self._disturb(event)
        elif event == "drain":
            self._drain()
        else:
            self._restore()

    def _disturb(self, trouble: str) -> None:
        self.end()
        self._bucket.proxy.trouble = trouble
        self._well = threading.Timer(self._chance.uniform(*TROUBLE), self.end)
        self._well.daemon = True
        self._well.start()

    def _drain(self) -> None:
        """It may find the studio in the middle of a restart, and give up: no request is lost by that."""
        self._manage("drain", "--timeout", "20", codes=(0, 1))
        self._manage("resume")

    def _restore(self) -> None:
        """Stop, back up, and go on with the restored database. The bucket stays as it is."""
        self.end()
        self._service.halt()
        backup = self._service.data / f"backup-{self.events.total()}"
        self._manage("backup", str(backup))
        connections.close_all()
        self._database.rename(backup / "replaced.sqlite3")
        for rest in ("-wal", "-shm"):
            Path(f"{self._database}{rest}").unlink(missing_ok=True)
        self._manage("restore", str(backup))
        connections.close_all()
        self._service.go_on()
        self._manage("resume")

    def _manage(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self._service.env, text=True, capture_output=True, check=False)
        if done.returncode not in codes:
            self.problems.append(f"`manage.py {' '.join(arguments)}` ended with {done.returncode}: {done.stderr}")
