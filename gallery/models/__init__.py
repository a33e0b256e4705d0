"""The studio's nouns. State changes of one row live on the model, reads on its QuerySet."""

from django.apps import apps

from gallery.models import ledger
from gallery.models.account import UpstreamAccount
from gallery.models.activity import Activity, Notice
from gallery.models.alert import Alert
from gallery.models.audit import AuditEntry
from gallery.models.batch import Batch, Vote
from gallery.models.catalogue import CatalogueSnapshot, ImageModel, ModelPace
from gallery.models.comment import Comment
from gallery.models.download import Download, DownloadItem
from gallery.models.gallery import Gallery, GalleryEntry
from gallery.models.generation import Generation
from gallery.models.invitation import Invitation, InvitationUse
from gallery.models.labels import translate_labels
from gallery.models.ledger import Budget, LedgerEntry, OverBudget
from gallery.models.limits import GroupLimit, GroupRight, OverLimit
from gallery.models.mark import Mark, SavedSearch, Tag
from gallery.models.media_check import MediaCheck
from gallery.models.membership import Membership, Role
from gallery.models.metric import Metric
from gallery.models.options import Operation, Option, OptionKind
from gallery.models.person import Person
from gallery.models.picture import Picture
from gallery.models.raw_answer import RawAnswer
from gallery.models.reference import Reference
from gallery.models.retention import Retention
from gallery.models.share_link import GuestAct, GuestVote, PasswordTry, ShareLink
from gallery.models.sign_in import SignInTry
from gallery.models.states import State
from gallery.models.template import PromptTemplate

__all__ = [
    "Activity",
    "Alert",
    "AuditEntry",
    "Batch",
    "Budget",
    "CatalogueSnapshot",
    "Comment",
    "Download",
    "DownloadItem",
    "Gallery",
    "GalleryEntry",
    "Generation",
    "GroupLimit",
    "GroupRight",
    "GuestAct",
    "GuestVote",
    "ImageModel",
    "Invitation",
    "InvitationUse",
    "LedgerEntry",
    "Mark",
    "MediaCheck",
    "Membership",
    "Metric",
    "ModelPace",
    "Notice",
    "Operation",
    "Option",
    "OptionKind",
    "OverBudget",
    "OverLimit",
    "PasswordTry",
    "Person",
    "Picture",
    "PromptTemplate",
    "RawAnswer",
    "Reference",
    "Retention",
    "Role",
    "SavedSearch",
    "ShareLink",
    "SignInTry",
    "State",
    "Tag",
    "UpstreamAccount",
    "Vote",
    "ledger",
]

translate_labels(apps.all_models["gallery"].values())
