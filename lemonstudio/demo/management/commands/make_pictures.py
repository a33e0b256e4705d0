"""Make many pictures for measurements and demonstrations. They cost nothing and share a few files."""

import hashlib
import io
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from gallery.images.thumbnails import thumbnails
from gallery.images.verify import examine
from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Mark, Person, Picture, State, Tag
from gallery.models.catalogue import options_key
from lemonstudio.sandbox.painter import paint

AT_ONCE = 2_000
DAYS = 730
SIZES = [(960, 960), (960, 540), (540, 960), (960, 720), (720, 960), (960, 640)]
STYLES = ["dall-e-2", "dall-e-3", "flux-pro", "flux-schnell", "midjourney", "stable-diffusion-3", "gpt-image-2"]

PEOPLE = ["Ana Torres", "Ben Okafor", "Chloé Martin", "Deniz Yılmaz", "Eva Novák", "Farid Haddad", "Grace Lin"]
GALLERIES = [
    "Campaign: summer",
    "Moodboard",
    "Packaging",
    "Website",
    "Posters",
    "Sketches",
    "Archive",
    "For the client",
]
TAGS = [
    *("citrus", "poster", "summer", "winter", "night", "portrait", "still life", "product", "draft", "print", "web"),
    *("blue", "yellow", "green", "abstract", "architecture", "food", "travel", "nature", "animal", "retro", "minimal"),
]
THINGS = [
    *("lemon", "lighthouse", "teapot", "robot", "fox", "bicycle", "harbour", "greenhouse", "violin", "balloon"),
    *(
        "whale",
        "market stall",
        "castle",
        "astronaut",
        "tram",
        "orchard",
        "desert road",
        "waterfall",
        "cathedral",
        "cat",
    ),
]
LIGHTS = [
    "at dawn",
    "in the rain",
    "under neon light",
    "in winter",
    "by candlelight",
    "at noon",
    "in thick fog",
    "at dusk",
]
LOOKS = [
    *("watercolour", "35 mm photograph", "linocut", "gouache", "isometric render", "pencil sketch", "oil painting"),
    *("risograph", "paper collage", "charcoal drawing", "fresco", "pixel art"),
]
MOODS = ["calm", "vivid", "muted colours", "high contrast", "soft grain", "wide angle", "close up", "seen from above"]


class Command(BaseCommand):
    help = (
        "Make COUNT pictures with several authors, models, galleries, tags and dates. They share a few files, so do not"
        " delete one of them for good. Each person with an account gets some of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, help="number of pictures")
        parser.add_argument("--files", type=int, default=30, help="number of files that the pictures share")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same pictures")
        parser.add_argument("--author", metavar="E-MAIL", help="make this person the author of all pictures")

    def handle(self, *args: Any, count: int, files: int, seed: int, author: str | None, **options: Any) -> None:
        if count < 1 or files < 1:
            raise CommandError("Ask for at least one picture and one file.")
        maker = _Maker(random.Random(seed), files, self._authors(author))  # noqa: S311 these need no secrecy
        for done in maker.make(count):
            self.stderr.write(f"{done:,} of {count:,}")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        self.stdout.write(f"Made {count:,} pictures.")

    def _authors(self, email: str | None) -> list[Person]:
        """The person with this e-mail. Without one: all active people, and made-up people who cannot sign in."""
        if email:
            person = Person.objects.filter(email=Person.objects.normalize_email(email)).first()
            if person is None:
                raise CommandError(f"There is no account with the e-mail {email}.")
            return [person]
        made_up = [
            Person.objects.filter(email=f"made-up-{number}@example.org").first()
            or Person.objects.create_user(f"made-up-{number}@example.org", name=name)
            for number, name in enumerate(PEOPLE)
        ]
        active = Person.objects.filter(is_active=True).exclude(pk__in=[person.pk for person in made_up])
        return [*active, *made_up]


class _Maker:
    def __init__(self, chance: random.Random, files: int, authors: list[Person]) -> None:
        self.chance = chance
        self.authors = authors
        self.models = list(ImageModel.objects.on_offer())
        if not self.models:
            raise CommandError("There is no model on offer; pictures need one.")
        self.tags = [Tag.objects.get_or_create(name=name)[0] for name in TAGS]
        self.galleries = self._galleries()
        self.files = [self._file(number) for number in range(files)]

    def _galleries(self) -> list[Gallery]:
        """The galleries of all authors. Every other one is shown to the team."""
        return [
            Gallery.objects.get_or_create(
                owner=author, name=name, defaults={"shared_with_team": (place + number) % 2 == 0}
            )[0]
            for place, author in enumerate(self.authors)
            for number, name in enumerate(GALLERIES)
        ]

    def _file(self, number: int) -> dict[str, Any]:
        """Paint and store one shared file; return the picture fields that describe it."""
        image = paint(STYLES[number % len(STYLES)], f"Made up {number}", number, 0, SIZES[number % len(SIZES)])
        data = io.BytesIO()
        image.save(data, "WEBP", quality=82)
        data.seek(0)
        examined = examine(data)
        name = default_storage.save(f"pictures/made-up/{uuid.uuid4().hex[:12]}.webp", ContentFile(data.getvalue()))
        fields: dict[str, Any] = {
            "original": name,
            "sha256": hashlib.sha256(data.getvalue()).hexdigest(),
            "format": examined.info.format,
            "byte_size": len(data.getvalue()),
            "width": examined.info.width,
            "height": examined.info.height,
            "placeholder": list(examined.placeholder),
            "thumbnails": {},
        }
        data.seek(0)
        for thumbnail in thumbnails(data):
            default_storage.save(
                Picture(**fields).thumbnail_name(thumbnail.width, thumbnail.format), ContentFile(thumbnail.data)
            )
            fields["thumbnails"].setdefault(thumbnail.format, []).append(thumbnail.width)
        return fields

    def make(self, count: int) -> Iterator[int]:
        """Make pictures; yield after each batch how many there are so far."""
        now = timezone.now()
        step = timedelta(days=DAYS) / count
        for begin in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - begin)
            self._make([now - step * (count - begin - number) for number in range(size)])
            yield begin + size

    @transaction.atomic
    def _make(self, moments: list[datetime]) -> None:
        pick = self.chance.choice
        generations = Generation.objects.bulk_create(
            Generation(
                author=pick(self.authors),
                model=pick(self.models),
                prompt=self._prompt(),
                options={},
                options_key=options_key({}),
                state=State.COMPLETED,
                created_at=moment,
                submitted_at=moment,
                delivered_at=moment + timedelta(seconds=self.chance.uniform(3, 40)),
                finished_at=moment + timedelta(seconds=41),
            )
            for moment in moments
        )
        pictures, tags = [], []
        for generation in generations:
            some = self.chance.sample(self.tags, self.chance.choice((0, 0, 1, 1, 2, 3)))
            picture = Picture(
                generation=generation,
                index=0,
                author=generation.author,
                created_at=generation.created_at,
                **pick(self.files),
            )
            picture.fill_in(*(tag.name for tag in some))
            pictures.append(picture)
            tags.append(some)
        Picture.objects.bulk_create(pictures)
        tagged = Tag.pictures.through
        tagged._default_manager.bulk_create(
            tagged(picture_id=picture.pk, tag_id=tag.pk)
            for picture, some in zip(pictures, tags, strict=True)
            for tag in some
        )
        GalleryEntry.objects.bulk_create(
            GalleryEntry(gallery=gallery, picture=picture, added_by_id=picture.author_id, status=self._status())
            for picture in pictures
            for gallery in self.galleries
            if gallery.owner_id == picture.author_id and self.chance.random() < 0.12
        )
        Mark.objects.bulk_create(
            Mark(
                person=person,
                picture=picture,
                favourite=self.chance.random() < 0.4,
                rating=self.chance.choice((None, 1, 2, 3, 4, 5)),
            )
            for picture in pictures
            for person in self.chance.sample(self.authors, 1)
            if self.chance.random() < 0.3
        )

    def _status(self) -> str:
        draft, shortlist, approved = GalleryEntry.Status.values
        return self.chance.choice([draft, draft, draft, shortlist, approved])

    def _prompt(self) -> str:
        pick = self.chance.choice
        words = f"A {pick(LOOKS)} of a {pick(THINGS)} {pick(LIGHTS)}, {pick(MOODS)}, {pick(MOODS)}"
        # Half of the prompts also get a number that hardly any other has, to search for.
        return f"{words}, number {self.chance.randrange(20_000)}" if self.chance.random() < 0.5 else words
