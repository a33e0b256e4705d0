"""What a person asks for: each a short transaction, without any network.

Whoever calls these has checked (forms) and may do it (access).
"""

import uuid

from django.db import IntegrityError, transaction

from gallery.dispatch import send_mirror, send_submit
from gallery.models import Gallery, GalleryEntry, Generation, ImageModel, Person, Picture, UpstreamAccount
from gallery.models.states import ENDED_IN_VAIN


class AlreadySubmitted(Exception):
    """The same form came before; `generation` is what it made."""

    def __init__(self, generation: Generation) -> None:
        super().__init__("This form was sent already.")
        self.generation = generation


def submit(
    author: Person,
    *,
    model: ImageModel,
    prompt: str,
    options: dict[str, str],
    count: int,
    gallery: Gallery | None = None,
    token: uuid.UUID | None = None,
    retry_of: Generation | None = None,
) -> Generation:
    """Queue a request to the upstream. Raises AlreadySubmitted if the form with this token made one before."""
    token = token or uuid.uuid4()
    try:
        with transaction.atomic():
            generation = Generation.objects.create(
                author=author,
                model=model,
                prompt=prompt,
                options=options,
                count=count,
                gallery=gallery,
                token=token,
                retry_of=retry_of,
                estimated_cost=model.price * count if model.price is not None else None,
            )
            send_submit(generation.pk)
    except IntegrityError:
        earlier = Generation.objects.filter(author=author, token=token).first()
        if earlier is None:
            raise
        raise AlreadySubmitted(earlier) from None
    return generation


def retry(generation: Generation, model: ImageModel | None = None) -> Generation | None:
    """Ask for the same once more, as a new generation; the old one leaves the feed. None if that was done already.

    With `model`, ask that one instead, with those options that it has too.
    """
    model = model or generation.model
    options = {
        option.name: generation.options.get(option.name, option.default)
        if generation.options.get(option.name) in option.choices
        else option.default
        for option in model.option_list
    }
    with transaction.atomic():
        # Two clicks on “Try again” must not pay twice: the second finds it dismissed.
        # So does one whose late result has arrived meanwhile.
        if not _put_aside(generation):
            return None
        return submit(
            generation.author,
            model=model,
            prompt=generation.prompt,
            options=options,
            count=min(generation.count, model.max_count),
            gallery=generation.gallery,
            retry_of=generation,
        )


def fetch_again(generation: Generation) -> bool:
    """Try once more to bring home what was paid for; tell whether there was anything to fetch."""
    with transaction.atomic():
        if not generation.fetch_again():
            return False
        send_mirror(generation.pk)
        return True


def dismiss(generation: Generation) -> bool:
    """Take what has ended in vain out of the feed; tell whether it was that."""
    return _put_aside(generation)


def _put_aside(generation: Generation) -> bool:
    ended = Generation.objects.filter(pk=generation.pk, state__in=ENDED_IN_VAIN, dismissed=False)
    return bool(ended.update(dismissed=True))


def make_gallery(owner: Person, name: str) -> Gallery:
    """The owner's gallery of this name, made if there is none."""
    return Gallery.objects.get_or_create(owner=owner, name=name)[0]


def save_picture(picture: Picture, gallery: Gallery) -> bool:
    """Put a picture into a gallery; tell whether it was not there before."""
    return GalleryEntry.objects.get_or_create(gallery=gallery, picture=picture)[1]


def remove_picture(picture: Picture, gallery: Gallery) -> None:
    GalleryEntry.objects.filter(gallery=gallery, picture=picture).delete()


class AlreadySetUp(Exception):
    """There is somebody already; the first-run page is closed."""


def set_up(name: str, email: str, password: str) -> Person:
    """Make the first administrator. Raises AlreadySetUp if there is any person, however many ask at once."""
    with transaction.atomic():
        # Whoever holds this row's lock looks alone; with SQLite the transaction itself is alone.
        UpstreamAccount.load()
        UpstreamAccount.objects.select_for_update().get(pk=1)
        if Person.objects.exists():
            raise AlreadySetUp
        return Person.objects.create_superuser(email, password, name=name)
