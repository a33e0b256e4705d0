"""The studio's nouns. State changes of one row live on the model, reads on its QuerySet."""

from gallery.models import ledger
from gallery.models.account import UpstreamAccount
from gallery.models.batch import Batch, Vote
from gallery.models.catalogue import CatalogueSnapshot, ImageModel, ModelPace, Option
from gallery.models.deciding import Activity, Comment, Notice
from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.generation import Generation
from gallery.models.keeping import Mark, Package, SavedSearch, Tag
from gallery.models.ledger import Budget, LedgerEntry, OverBudget
from gallery.models.people import Person
from gallery.models.picture import Picture
from gallery.models.sharing import GuestVote, Invitation, Membership, Role, ShareLink
from gallery.models.states import State
from gallery.models.template import PromptTemplate

__all__ = [
    "Activity",
    "Batch",
    "Budget",
    "CatalogueSnapshot",
    "Comment",
    "Gallery",
    "GalleryEntry",
    "Generation",
    "GuestVote",
    "ImageModel",
    "Invitation",
    "LedgerEntry",
    "Mark",
    "Membership",
    "ModelPace",
    "Notice",
    "Option",
    "OverBudget",
    "Package",
    "Person",
    "Picture",
    "PromptTemplate",
    "Role",
    "SavedSearch",
    "ShareLink",
    "State",
    "Tag",
    "UpstreamAccount",
    "Vote",
    "ledger",
]
