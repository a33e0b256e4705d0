"""The kinds of requests. A prompt begins with its kind: the upstream answers accordingly, and the judge checks that."""

import itertools
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    model: str
    count: int = 1
    # Answered with a task that is polled, instead of at once.
    task: bool = False
    # Pictures come in the answer itself (b64_json), instead of as addresses.
    inline: bool = False
    # The upstream declines the request, or the task ends without a picture.
    fails: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("address", "dall-e-3"),
        Kind("inline", "dall-e-2", inline=True),
        Kind("refusal", "dall-e-3", fails=True),
        Kind("task", "flux-pro", task=True),
        Kind("set", "midjourney", count=4, task=True),
        Kind("inline-set", "ideogram-v3", count=2, task=True, inline=True),
        Kind("vain-task", "stable-diffusion-3", task=True, fails=True),
    )
}
_SHARES = {"address": 5, "inline": 6, "refusal": 1, "task": 5, "set": 3, "inline-set": 3, "vain-task": 1}


def kind_of(prompt: str) -> Kind:
    return KINDS[prompt.split()[0]]


class Prompts:
    """Makes unique prompts, because the upstream counts POSTs by prompt. `person` is the number of their author."""

    def __init__(self, person: int, chance: random.Random) -> None:
        self._person = person
        self._chance = chance
        self._numbers = itertools.count(1)

    def next(self) -> str:
        (name,) = self._chance.choices(list(_SHARES), list(_SHARES.values()))
        return f"{name} {self._person}-{next(self._numbers)}"
