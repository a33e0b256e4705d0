"""The studio's nouns. State changes of one row live on the model, reads on its QuerySet."""

from gallery.models.account import UpstreamAccount
from gallery.models.catalogue import ImageModel, Option
from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.generation import Generation
from gallery.models.people import Person
from gallery.models.picture import Picture
from gallery.models.states import State

__all__ = [
    "Gallery",
    "GalleryEntry",
    "Generation",
    "ImageModel",
    "Option",
    "Person",
    "Picture",
    "State",
    "UpstreamAccount",
]
