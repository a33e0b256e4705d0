"""People who fill in the form, over HTTP, and send it again until the studio says that it has it."""

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
# Seconds. Longer than the database makes a request wait.
PATIENCE = 30.0


@dataclass(slots=True)
class GenerationSpec:
    prompt: str
    # As often as the same form was sent: a broken connection does not tell whether it arrived.
    sent: int = 0
    accepted: bool = False


class Person(threading.Thread):
    def __init__(
        self, number: int, url: str, models: dict[str, int], chance: random.Random, may_ask: Callable[[], bool]
    ) -> None:
        super().__init__(name=f"person-{number}", daemon=True)
        self.email = f"person-{number}@example.org"
        self.specs: list[GenerationSpec] = []
        self.odd: list[str] = []
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
        """Ask for nothing new; what was sent is sent until it is answered."""
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
                    self._ask(GenerationSpec(self._prompts.next()))
            self._over.wait(self._chance.uniform(0.1, 0.8))

    def _ask(self, spec: GenerationSpec) -> None:
        self.specs.append(spec)
        form = self._form(spec, kind_of(spec.prompt))
        while not spec.accepted:
            spec.sent += 1
            try:
                answer = self._session.post(f"{self._url}/generations/", form, timeout=PATIENCE, allow_redirects=False)
            except requests.RequestException:
                time.sleep(0.1)  # no server is there, or it was killed in the middle
                continue
            spec.accepted = answer.status_code == 302 and answer.headers["Location"] == "/"
            if not spec.accepted:
                self.odd.append(f"{answer.status_code} for {spec.prompt}: {answer.text[:200]}")
                time.sleep(0.5)

    def _form(self, spec: GenerationSpec, kind: Kind) -> dict[str, str]:
        return {
            "csrfmiddlewaretoken": self._csrf,
            "token": str(uuid.uuid4()),
            "prompt": spec.prompt,
            "model": str(self._models[kind.model]),
            "count": str(kind.count),
        }


def wanted_models() -> set[str]:
    return {kind.model for kind in KINDS.values()}
