"""What a model's pictures look like, beside its name where people choose one."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.templatetags.static import static

from gallery.models import ImageModel, Person
from gallery.queries.samples import newest_pictures
from gallery.web.pictures import files_of

_BUNDLED = frozenset(path.stem for path in (settings.BASE_DIR / "static" / "samples").glob("*.webp"))


@dataclass(frozen=True, slots=True)
class ModelPick:
    """A model that people may choose, and the address of a sample; "" where there is none yet."""

    model: ImageModel
    sample: str

    @property
    def initials(self) -> str:
        """Shown in place of a sample."""
        return "".join(word[0] for word in self.model.label.split()[:2]).upper()


def picks_of(models: Sequence[ImageModel], person: Person) -> list[ModelPick]:
    """Bundled samples for the models that come with the studio, the newest visible picture for the others."""
    pictures = newest_pictures(person, (model for model in models if model.slug not in _BUNDLED))
    return [
        ModelPick(
            model,
            static(f"samples/{model.slug}.webp")
            if model.slug in _BUNDLED
            else files_of(pictures[model.pk]).small_src
            if model.pk in pictures
            else "",
        )
        for model in models
    ]
