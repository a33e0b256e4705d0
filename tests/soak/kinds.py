"""What is asked for: each kind's prompts tell the upstream how to answer, and the judge what has to come of it."""

import itertools
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    model: str
    count: int = 1
    # An answer at once, or a task that is polled.
    task: bool = False
    # Pictures in the answer itself (b64_json), or addresses.
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
    """Never the same one twice: by its prompt the upstream counts how often a generation was POSTed."""

    def __init__(self, who: int, chance: random.Random) -> None:
        self._who = who
        self._chance = chance
        self._numbers = itertools.count(1)

    def next(self) -> str:
        (name,) = self._chance.choices(list(_SHARES), list(_SHARES.values()))
        return f"{name} {self._who}-{next(self._numbers)}"
