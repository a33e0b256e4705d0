"""People who send the form over HTTP, and send it again until the studio accepts it."""

import random
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import requests

from tests.soak.kinds import KINDS, Kind, Prompts, kind_of

PASSWORD = "a lemon a day"
HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
# Seconds. Longer than any request waits for the database.
PATIENCE = 30.0


@dataclass(slots=True)
class Submission:
    prompt: str
    # How often the same form was sent: after a broken connection, a person cannot know whether it arrived.
    sent: int = 0
    accepted: bool = False


class Person(threading.Thread):
    def __init__(
        self, number: int, url: str, models: dict[str, int], chance: random.Random, may_ask: Callable[[], bool]
    ) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.email = f"person-{number}@example.org"
        self.submissions: list[Submission] = []
        self.odd_answers: list[str] = []
        self._url = url
        self._models = models
        self._chance = chance
        self._prompts = Prompts(number, chance)
        self._may_ask = may_ask
        self._over = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = False
        self._csrf = ""

    def stop(self) -> None:
        """Submit nothing new. A form that was sent before is still sent until it is accepted."""
        self._over.set()

    def sign_in(self) -> None:
        form = {"username": self.email, "password": PASSWORD, "csrfmiddlewaretoken": self._token("/login/")}
        answer = self._session.post(f"{self._url}/login/", form, timeout=PATIENCE, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        self._csrf = self._token("/")

    def _token(self, path: str) -> str:
        found = HIDDEN.search(self._session.get(f"{self._url}{path}", timeout=PATIENCE).text)
        assert found, f"no form at {path}"
        return found[1]

    def run(self) -> None:
        while not self._over.is_set():
            for _ in range(self._chance.randint(1, 5)):
                if self._may_ask() and not self._over.is_set():
                    self._submit(Submission(self._prompts.next()))
            self._over.wait(self._chance.uniform(0.1, 0.8))

    def _submit(self, submission: Submission) -> None:
        self.submissions.append(submission)
        form = self._form(submission, kind_of(submission.prompt))
        while not submission.accepted:
            submission.sent += 1
            try:
                answer = self._session.post(f"{self._url}/generations/", form, timeout=PATIENCE, allow_redirects=False)
            except requests.RequestException:
                time.sleep(0.1)  # the web server is down, or was killed during the request
                continue
            submission.accepted = answer.status_code == 302 and answer.headers["Location"] == "/"
            if not submission.accepted:
                self.odd_answers.append(f"{answer.status_code} for {submission.prompt}: {answer.text[:200]}")
                time.sleep(0.5)

    def _form(self, submission: Submission, kind: Kind) -> dict[str, str]:
        return {
            "csrfmiddlewaretoken": self._csrf,
            "token": str(uuid.uuid4()),
            "prompt": submission.prompt,
            "model": str(self._models[kind.model]),
            "count": str(kind.count),
        }


def needed_models() -> set[str]:
    return {kind.model for kind in KINDS.values()}
