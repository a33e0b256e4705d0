"""Who may open what: all addresses of the studio, asked by each kind of person."""

import contextlib
import copy
import io
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from gallery import services
from gallery import urls as gallery_urls
from gallery.models import (
    Batch,
    Download,
    DownloadItem,
    Gallery,
    Membership,
    Notice,
    Person,
    Picture,
    PromptTemplate,
    Role,
    SavedSearch,
    ShareLink,
    State,
    Tag,
    UpstreamAccount,
)
from lemonstudio import urls as studio_urls
from tests.conftest import PASSWORD, create_generation, create_picture, model, png, put, signed_in

LOGIN = "to the sign-in page"
HOME = "/"
# The page that asks for the password again.
AGAIN = "/account/again/"
PEOPLE = ("stranger", "teammate", "owner", "administrator")
# A status, or the beginning of the address that a form leads to.
Expected = int | str
PRIVATE: tuple[Expected, ...] = (LOGIN, 404, 200, 404)
# The administration shows the pictures of all people.
PRIVATE_PICTURE: tuple[Expected, ...] = (LOGIN, 404, 200, 200)
FOR_ALL: tuple[Expected, ...] = (LOGIN, 200, 200, 200)
FOR_STAFF: tuple[Expected, ...] = (LOGIN, 404, 404, 200)

# Name, method, and what stranger, teammate, owner and administrator get while all things are private.
MATRIX: dict[str, tuple[str, tuple[Expected, ...]]] = {
    "create": ("get", FOR_ALL),
    "generation_create": ("post", (LOGIN, HOME, HOME, HOME)),
    "generation_options": ("get", FOR_ALL),
    "generation_plan": ("post", FOR_ALL),
    # test_poll.py checks whose cards it returns.
    "generation_poll": ("post", FOR_ALL),
    "generation_feed": ("get", FOR_ALL),
    "generation_cancel": ("post", (LOGIN, 404, HOME, 404)),
    "generation_retry": ("post", (LOGIN, 404, HOME, 404)),
    "generation_dismiss": ("post", (LOGIN, 404, HOME, 404)),
    "generation_fetch": ("post", (LOGIN, 404, HOME, 404)),
    "generation_file": ("get", PRIVATE_PICTURE),
    "generation_file_delete": ("post", (LOGIN, 404, HOME, 404)),
    "generation_again": ("post", (LOGIN, 404, HOME, 404)),
    "generation_vote": ("post", (LOGIN, 404, "/batches/", 404)),
    "batch_detail": ("get", PRIVATE),
    "batch_cancel": ("post", (LOGIN, 404, "/batches/", 404)),
    "batch_retry": ("post", (LOGIN, 404, "/batches/", 404)),
    "template_list": ("get", FOR_ALL),
    "template_create": ("get", FOR_ALL),
    "template_edit": ("get", PRIVATE),
    "template_delete": ("post", (LOGIN, 404, "/templates/", 404)),
    "template_use": ("get", PRIVATE),
    "queue": ("get", FOR_ALL),
    "queue_cancel": ("post", (LOGIN, "/queue/", "/queue/", "/queue/")),
    "queue_retry": ("post", (LOGIN, "/queue/", "/queue/", "/queue/")),
    "queue_clear": ("post", (LOGIN, "/queue/", "/queue/", "/queue/")),
    "favicon": ("get", FOR_ALL),
    "prompt_history": ("get", FOR_ALL),
    "gallery_list": ("get", FOR_ALL),
    "gallery_create": ("post", (LOGIN, "/galleries/", "/galleries/", "/galleries/")),
    "gallery_detail": ("get", PRIVATE),
    "gallery_rename": ("post", (LOGIN, 404, "/galleries/", 404)),
    "gallery_share": ("post", (LOGIN, 404, "/galleries/", 404)),
    "entry_decide": ("post", (LOGIN, 404, "/pictures/", 404)),
    "entry_arrange": ("post", (LOGIN, 404, "/pictures/", 404)),
    "gallery_members": ("get", PRIVATE),
    "member_change": ("post", (LOGIN, 404, "/galleries/", 404)),
    "member_remove": ("post", (LOGIN, 404, "/galleries/", 404)),
    "gallery_choices": ("get", PRIVATE),
    "gallery_activity": ("get", PRIVATE),
    "gallery_delete": ("post", (LOGIN, 404, "/galleries/", 404)),
    "picture_remove": ("post", (LOGIN, 404, "/galleries/", 404)),
    "gallery_links": ("get", PRIVATE),
    "link_edit": ("get", PRIVATE),
    "link_revoke": ("post", (LOGIN, 404, "/galleries/", 404)),
    "link_revoke_all": ("post", (LOGIN, 404, "/galleries/", 404)),
    "comment_create": ("post", (LOGIN, 404, "/pictures/", 404)),
    "comment_delete": ("post", (LOGIN, 404, "/pictures/", 404)),
    "likes_remove": ("post", (LOGIN, 404, "/pictures/", 404)),
    # For the upstream, which has no session.
    "lent_picture": ("get", (200, 200, 200, 200)),
    # Any person with the link is a guest, with an account or without.
    "guest_gallery": ("get", (200, 200, 200, 200)),
    "guest_password": ("get", ("/s/", "/s/", "/s/", "/s/")),
    "guest_picture": ("get", (200, 200, 200, 200)),
    "guest_thumbnail": ("get", (200, 200, 200, 200)),
    "guest_download": ("get", (200, 200, 200, 200)),
    "guest_download_all": ("get", (200, 200, 200, 200)),
    "guest_name": ("post", ("/s/", "/s/", "/s/", "/s/")),
    # Guests need a name.
    "guest_vote": ("post", (422, 422, 422, 422)),
    "guest_decide": ("post", (422, 422, 422, 422)),
    "guest_comment": ("post", (422, 422, 422, 422)),
    "reference_add": ("post", (LOGIN, 422, 422, 422)),
    "reference_items": ("get", FOR_ALL),
    "reference_pick": ("get", FOR_ALL),
    "asset_upload": ("get", FOR_ALL),
    "asset_kind": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_list": ("get", FOR_ALL),
    "picture_count": ("get", FOR_ALL),
    "picture_months": ("get", FOR_ALL),
    "picture_tags": ("get", FOR_ALL),
    "picture_compare": ("get", PRIVATE_PICTURE),
    "search_save": ("post", (LOGIN, "/pictures/", "/pictures/", "/pictures/")),
    "search_delete": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_detail": ("get", PRIVATE_PICTURE),
    "picture_favourite": ("post", (LOGIN, 404, "/pictures/", "/pictures/")),
    "picture_rate": ("post", (LOGIN, 404, "/pictures/", "/pictures/")),
    "picture_tag": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_untag": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_trash": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_restore": ("post", (LOGIN, 404, "/pictures/", 404)),
    "selection_save": ("post", FOR_ALL),
    "selection_tag": ("post", FOR_ALL),
    "selection_compare": ("post", (LOGIN, "/pictures/", "/pictures/", "/pictures/")),
    "selection_favourite": ("post", (LOGIN, "/pictures/", "/pictures/", "/pictures/")),
    "selection_trash": ("post", (LOGIN, "/pictures/", "/pictures/", "/pictures/")),
    "trash": ("get", FOR_ALL),
    "trash_restore": ("post", (LOGIN, "/pictures/", "/pictures/", "/pictures/")),
    "trash_delete": ("post", (LOGIN, "/trash/", "/trash/", "/trash/")),
    "trash_thumbnail": ("get", PRIVATE),
    "picture_save": ("post", (LOGIN, 404, "/pictures/", 404)),
    "picture_edit": ("get", PRIVATE_PICTURE),
    "picture_adjust": ("get", PRIVATE_PICTURE),
    "picture_vary": ("post", (LOGIN, 404, HOME, HOME)),
    "edit_upload": ("get", FOR_ALL),
    "upload_edit": ("get", PRIVATE),
    "upload_file": ("get", PRIVATE),
    "upload_vary": ("post", (LOGIN, 404, HOME, 404)),
    "generation_source": ("get", PRIVATE_PICTURE),
    "picture_download": ("get", PRIVATE_PICTURE),
    "picture_export": ("get", PRIVATE_PICTURE),
    "gallery_download": ("get", PRIVATE),
    "selection_download": ("post", FOR_ALL),
    "download_list": ("get", FOR_ALL),
    "download_detail": ("get", PRIVATE),
    "download_file": ("get", PRIVATE),
    "download_retry": ("post", (LOGIN, 404, "/downloads/", 404)),
    "download_delete": ("post", (LOGIN, 404, "/downloads/", 404)),
    "picture_original": ("get", PRIVATE_PICTURE),
    "picture_thumbnail": ("get", PRIVATE_PICTURE),
    "notice_list": ("get", FOR_ALL),
    "notice_read_all": ("post", (LOGIN, "/notices/", "/notices/", "/notices/")),
    "notice_open": ("get", (LOGIN, 404, "/galleries/", 404)),
    "invitation_list": ("get", (LOGIN, 404, 404, 200)),
    "invitation_create": ("post", (LOGIN, 404, 404, 200)),
    "account_export": ("post", (LOGIN, "/downloads/", "/downloads/", "/downloads/")),
    "invitation_many": ("get", (LOGIN, 404, 404, 200)),
    "invitation_revoke": ("post", (LOGIN, 404, 404, "/invitations/")),
    "invitation_accept": ("get", (200, 200, 200, 200)),
    "settings_overview": ("get", FOR_STAFF),
    "settings_pause": ("post", (LOGIN, 404, 404, "/settings/")),
    "settings_people": ("get", FOR_STAFF),
    "settings_people_many": ("post", (LOGIN, 404, 404, "/settings/people/")),
    "settings_person": ("get", FOR_STAFF),
    "settings_person_set": ("post", (LOGIN, 404, 404, "/settings/people/")),
    "settings_person_budget": ("post", (LOGIN, 404, 404, "/settings/people/")),
    "settings_person_groups": ("post", (LOGIN, 404, 404, "/settings/people/")),
    # The studio of the tests sends no mail.
    "settings_person_reset": ("post", (LOGIN, 404, 404, 404)),
    "settings_person_leave": ("post", (LOGIN, 404, 404, "/settings/people/")),
    "settings_person_export": ("post", (LOGIN, 404, 404, "/downloads/")),
    "settings_person_erase": ("get", FOR_STAFF),
    "settings_groups": ("get", FOR_STAFF),
    "settings_group_add": ("post", (LOGIN, 404, 404, "/settings/groups/")),
    "settings_group_set": ("post", (LOGIN, 404, 404, "/settings/groups/")),
    "settings_group_delete": ("post", (LOGIN, 404, 404, "/settings/groups/")),
    "settings_models": ("get", FOR_STAFF),
    "settings_model_set": ("post", (LOGIN, 404, 404, "/settings/models/")),
    "settings_model_move": ("post", (LOGIN, 404, 404, "/settings/models/")),
    "settings_budgets": ("get", FOR_STAFF),
    "settings_galleries": ("get", FOR_STAFF),
    "settings_gallery_set": ("post", (LOGIN, 404, 404, "/settings/galleries/")),
    "settings_links": ("get", FOR_STAFF),
    "settings_link_end": ("post", (LOGIN, 404, 404, "/settings/links/")),
    "settings_jobs": ("get", FOR_STAFF),
    "settings_job_cancel": ("post", (LOGIN, 404, 404, "/settings/jobs/")),
    "settings_storage": ("get", FOR_STAFF),
    "settings_media_check": ("post", (LOGIN, 404, 404, "/settings/storage/")),
    "settings_retention": ("post", (LOGIN, 404, 404, "/settings/storage/")),
    "usage": ("get", FOR_ALL),
    "usage_csv": ("get", FOR_ALL),
    "admin_login": ("get", (LOGIN, 404, 404, 404)),
    "login": ("get", (200, HOME, HOME, HOME)),
    "account_login": ("get", (200, HOME, HOME, HOME)),
    # The pages of a sign-in that is under way, or of a person who is not signed in.
    "mfa_authenticate": ("get", ("/login/", HOME, HOME, HOME)),
    "mfa_login_webauthn": ("get", ("/login/", HOME, HOME, HOME)),
    "openid_connect_login": ("post", (404, 404, 404, 404)),
    "openid_connect_callback": ("get", (404, 404, 404, 404)),
    "password_forgotten": ("get", (404, 404, 404, 404)),
    "password_reset": ("get", (200, 200, 200, 200)),
    "session_list": ("get", FOR_ALL),
    "session_end": ("post", (LOGIN, 404, "/account/sessions/", 404)),
    "session_end_others": ("post", (LOGIN, "/account/", "/account/", "/account/")),
    "account_reauthenticate": ("get", FOR_ALL),
    "mfa_reauthenticate": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_reauthenticate_webauthn": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_index": ("get", FOR_ALL),
    "mfa_list_webauthn": ("get", FOR_ALL),
    # What changes the ways to sign in asks for the password again.
    "mfa_activate_totp": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_deactivate_totp": ("get", (LOGIN, 404, 404, 404)),
    "mfa_add_webauthn": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_remove_webauthn": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_view_recovery_codes": ("get", (LOGIN, 404, 404, 404)),
    "mfa_generate_recovery_codes": ("get", (LOGIN, AGAIN, AGAIN, AGAIN)),
    "mfa_download_recovery_codes": ("get", (LOGIN, 404, 404, 404)),
    "logout": ("post", (LOGIN, "/login/", "/login/", "/login/")),
    "setup": ("get", (HOME, HOME, HOME, HOME)),
    "account": ("get", FOR_ALL),
    "theme": ("post", (HOME, HOME, HOME, HOME)),
    "language": ("post", (LOGIN, *["/account/"] * 3)),
    "password_change": ("get", FOR_ALL),
    "password_change_done": ("get", FOR_ALL),
    "healthz": ("get", (200, 200, 200, 200)),
    "metrics": ("get", (404, 404, 404, 404)),
    "readyz": ("get", (404, 404, 404, 200)),
    "robots": ("get", (200, 200, 200, 200)),
    "favicon_ico": ("get", (302, 302, 302, 302)),
}
# What tells about pictures, and not about one.
OF_LISTS = ("picture_list", "picture_count", "picture_months", "picture_tags", "picture_compare")
# Actions on one generation.
OF_ONE = ("cancel", "retry", "dismiss", "fetch", "again", "vote", "source")
# What a teammate gets after the owner has shared the gallery with the team. The rest stays the same.
SHARED_WITH_TEAM: dict[str, Expected] = {
    "gallery_detail": 200,
    "gallery_members": 200,
    "comment_create": "/pictures/",
    "gallery_choices": 200,
    "gallery_activity": 200,
    "gallery_download": 200,
    "picture_detail": 200,
    "picture_export": 200,
    "picture_compare": 200,
    "picture_download": 200,
    "picture_original": 200,
    "picture_thumbnail": 200,
    "picture_edit": 200,
    "picture_adjust": 200,
    "picture_favourite": "/pictures/",
    "picture_rate": "/pictures/",
    "picture_vary": HOME,
}


@pytest.fixture(scope="module")
def cast(shared_rows: None) -> dict[str, Any]:
    """Four people, signed in, and the owner's things. Made once for all tests: it takes a tenth of a second."""
    owner = Person.objects.create_user("olivia@example.org", PASSWORD, name="Olivia Owner")
    teammate = Person.objects.create_user("tom@example.org", PASSWORD, name="Tom Teammate")
    administrator = Person.objects.create_superuser("ada@example.org", PASSWORD, name="Ada Administrator")
    clients = (Client(), *(signed_in(person) for person in (teammate, owner, administrator)))
    things = things_of(owner)
    files = {
        picture.original_name: default_storage.open(picture.original_name).read() for picture in Picture.objects.all()
    }
    return {"teammate": teammate, "clients": dict(zip(PEOPLE, clients, strict=True)), "things": things, "files": files}


@pytest.fixture
def teammate(cast: dict[str, Any], db: None) -> Person:
    return copy.deepcopy(cast["teammate"])


def copied(cookies: SimpleCookie) -> SimpleCookie:
    return SimpleCookie({key: morsel.value for key, morsel in cookies.items()})


@pytest.fixture
def clients(cast: dict[str, Any], db: None) -> dict[str, Client]:
    clients = {who: Client() for who in PEOPLE}
    for who, client in clients.items():
        client.cookies = copied(cast["clients"][who].cookies)
    return clients


@pytest.fixture
def things(cast: dict[str, Any], db: None) -> dict[str, Any]:
    # Deleted files do not come back with their rows.
    for name, data in cast["files"].items():
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(data))
    return copy.deepcopy(cast["things"])


@pytest.fixture(autouse=True)
def lends(settings: Any) -> None:
    settings.LEMONSTUDIO_PUBLIC_URL = "https://lends.example.org"


def things_of(owner: Person) -> dict[str, Any]:
    """A generation that failed after delivery, a picture in a private gallery, and so on."""
    make_generation, make_picture = partial(create_generation, owner), partial(create_picture, owner)
    private_gallery = Gallery.objects.create(owner=owner, name="Sketches")
    UpstreamAccount.take_lease("worker", 60)
    picture = make_picture(gallery=private_gallery)
    default_storage.save(picture.thumbnail_name(320, "webp"), ContentFile(b"thumbnail"))
    Picture.objects.update(thumbnails={"webp": [320]})
    put(picture, private_gallery)
    comparison = Batch.objects.create(author=picture.author, kind=Batch.Kind.COMPARISON, prompt="A lemon")
    results = [{"url": "https://x.example/a.png"}]
    upload = f"{uuid4().hex}-64x48.png"
    source = default_storage.save(f"uploads/{picture.author_id}/{upload}", ContentFile(png()))
    failed = make_generation(state=State.FAILED, results=results, batch=comparison, source_file=source)
    kept = default_storage.save("kept/1-0-a.svg", ContentFile(b"<svg/>"))
    file = {"url": "https://x.example/a.svg", "kept": kept, "what": "an SVG file"}
    delivered = make_generation(state=State.COMPLETED, results=[file], gallery=private_gallery)
    template = PromptTemplate.objects.create(author=picture.author, name="Fruit", text="A {{fruit}}", shared=False)
    other = Person.objects.create_user("mia@example.org", name="Mia Member")
    inviter = Person.objects.create_superuser("ida@example.org", name="Ida Inviter")
    invitation, invitation_token = services.invitations.invite(inviter)
    trashed = make_picture()
    Picture.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    allowed = dict.fromkeys(("allow_downloads", "allow_votes", "allow_comments", "allow_decisions"), True)
    settings = {"label": "A friend", "expires_at": timezone.now() + timedelta(days=1), **allowed}
    link, token = services.share_links.make_link(private_gallery, picture.author, settings)
    session = UserSession.objects.create(user=picture.author, session_key="a-session", ip="203.0.113.5", user_agent="")
    return {
        "session": session,
        "link": link,
        "token": token,
        "comment": services.comments.comment(private_gallery, picture, "Lovely", author=picture.author),
        "invitation": invitation,
        "invitation_token": invitation_token,
        "notice": Notice.objects.create(person=picture.author, kind=Notice.Kind.MEMBER, gallery=private_gallery),
        "trashed": trashed,
        "download": a_download(picture, private_gallery),
        "asset": services.assets.add(picture.author, io.BytesIO(png()), "logo.png"),
        "tag": Tag.objects.create(name="Fruit"),
        "search": SavedSearch.objects.create(person=picture.author, name="Lemons", query="q=lemon"),
        "member": Membership.objects.create(gallery=private_gallery, person=other),
        "template": template,
        "batch": comparison,
        "generation": failed,
        "delivered": delivered,
        "gallery": private_gallery,
        "picture": picture,
        "upload": upload,
        "settings": {
            "person": [picture.author_id],
            "group": [Group.objects.create(name="Guild").pk],
            "model": [model().pk],
            "gallery": [private_gallery.pk],
            "link": [link.pk],
            "job": [make_generation().pk],
        },
    }


def a_download(picture: Picture, gallery: Gallery) -> Download:
    """A finished download of the owner, of their gallery."""
    ready = {"state": Download.State.READY, "ready_at": timezone.now(), "total": 1, "done": 1}
    download = Download.objects.create(person=gallery.owner, gallery=gallery, name="Sketches", **ready)
    # The answer is read to its end, so the file has to be what the row says.
    content = default_storage.open(picture.original_name).read()
    of_file = {"file": picture.original_name, "byte_size": len(content), "crc32": zlib.crc32(content)}
    DownloadItem.objects.create(download=download, place=1, picture=picture, name="1.png", **of_file)
    return download


WITHOUT_ID = ("settings_group_add",)


def ask(client: Client, name: str, things: dict[str, Any]) -> Any:
    method = MATRIX[name][0]
    picture, gallery, generation = things["picture"], things["gallery"], things["generation"]
    kind = name.partition("_")[0]
    args: list[object] = []
    if name in ("picture_original", "picture_thumbnail"):
        args = [picture.pk, picture.digest, *([320, "webp"] if name == "picture_thumbnail" else [])]
    elif name in ("guest_gallery", "guest_password", "guest_download_all"):
        args = [things["token"]]
    elif name == "lent_picture":
        args = [services.lending.address_of(picture.original_name).rpartition("/")[2]]
    elif kind == "guest":
        args = [things["token"], picture.entries.get().pk, *([320, "webp"] if name == "guest_thumbnail" else [])]
    elif name in ("link_edit", "link_revoke"):
        args = [gallery.pk, things["link"].pk]
    elif name == "link_revoke_all":
        args = [gallery.pk]
    elif name in ("comment_create", "likes_remove"):
        args = [gallery.pk, picture.pk]
    elif name == "comment_delete":
        args = [things["comment"].pk]
    elif kind == "member":
        args = [gallery.pk, things["member"].pk]
    elif name in ("picture_remove", "entry_decide", "entry_arrange"):
        args = [gallery.pk, picture.pk]
    elif name == "asset_kind":
        args = [things["asset"].pk]
    elif name == "picture_untag":
        args = [picture.pk, things["tag"].pk]
    elif name == "picture_restore":
        args = [things["trashed"].pk]
    elif name == "trash_thumbnail":
        args = [things["trashed"].pk, things["trashed"].digest]
    elif kind == "download" and name != "download_list":
        args = [things["download"].pk]
    elif name == "search_delete":
        args = [things["search"].pk]
    elif kind == "picture" and name not in OF_LISTS:
        args = [picture.pk]
    elif kind == "gallery" and name not in ("gallery_list", "gallery_create"):
        args = [gallery.pk]
    elif name in ("generation_file", "generation_file_delete"):
        args = [things["delivered"].pk, 0]
    elif kind == "generation" and name.partition("_")[2] in OF_ONE:
        args = [generation.pk]
    elif kind == "upload":
        args = [things["upload"]]
    elif kind == "template" and name not in ("template_list", "template_create"):
        args = [things["template"].pk]
    elif name == "favicon":
        args = [3]
    elif name == "invitation_accept":
        args = [things["invitation_token"]]
    elif name in ("invitation_revoke", "notice_open"):
        args = [things[kind].pk]
    elif name == "password_reset":
        args = ["MQ", "no-token"]
    elif name in ("openid_connect_login", "openid_connect_callback"):
        args = ["unknown"]
    elif name in ("session_end", "mfa_remove_webauthn"):
        args = [things["session"].pk]
    elif kind == "batch":
        args = [things["batch"].pk]
    elif kind == "settings":
        args = things["settings"].get(name.split("_")[1], []) if name not in WITHOUT_ID else []
    form = {
        "generation_create": {"prompt": "A lemon", "model": model().pk, "count": "1", "token": str(uuid4())},
        "generation_poll": {"pending": f"{generation.pk}:0"},
        "gallery_create": {"name": "New"},
        "gallery_rename": {"name": "Renamed"},
        "invitation_create": {"role": "viewer", "max_uses": "1", "days": "7"},
        "gallery_share": {"shared": "on"},
        "picture_compare": {"p": picture.pk},
        "picture_save": {"new_gallery": "New"},
        "search_save": {"name": "Mine", "query": "q=lemon"},
        "picture_favourite": {"favourite": "1"},
        "picture_rate": {"rating": "4"},
        "asset_kind": {"kind": "logo"},
        "picture_tag": {"tags": "Lemon"},
        "trash_restore": {"picture": things["trashed"].pk},
        "trash_delete": {"picture": things["trashed"].pk},
        "picture_vary": {"model": model("dall-e-2").pk, "count": "1"},
        "upload_vary": {"model": model("dall-e-2").pk, "count": "1"},
        "comment_create": {"text": "Lovely"},
        "guest_name": {"name": "Rosa"},
        "guest_vote": {"like": "1"},
        "guest_decide": {"decision": "approved"},
        "guest_comment": {"text": "Lovely"},
        "theme": {"theme": "dark"},
        "language": {"language": "de"},
        "settings_people_many": {"person": picture.author_id, "do": "off"},
        "settings_person_set": {"field": "active", "value": ""},
        "settings_person_budget": {"value": "5"},
        "settings_person_leave": {"do": "links"},
        "settings_group_add": {"name": "Painters"},
        "settings_group_set": {"field": "budget", "value": "5"},
        "settings_model_set": {"value": ""},
        "settings_model_move": {"to": "down"},
        "settings_gallery_set": {"value": "1"},
        "settings_retention": {"field": "prompts", "value": "30"},
    }
    if kind == "selection":
        form[name] = {"picture": picture.pk}
    response = getattr(client, method)(reverse(name, args=args), form.get(name, {}))
    if name == "guest_download_all" and response.status_code == 200:
        # It takes a place until all of it is sent.
        response.getvalue()
    return response


def check(response: Any, expected: Expected) -> None:
    if isinstance(expected, int):
        assert response.status_code == expected
    elif expected == LOGIN:
        assert response.status_code == 302
        assert response["Location"].startswith("/login/?next=/")
    elif expected == HOME:
        assert (response.status_code, response["Location"]) == (302, HOME)
    else:
        assert response.status_code == 302
        assert response["Location"].startswith(expected)


# How statements begin that change nothing.
LOOKS = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


class Writes(list[str]):
    """Statements that may have changed a table of the studio, except sessions."""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(LOOKS) and "django_session" not in sql:
            self.append(sql)
        return execute(sql, params, many, context)


@contextlib.contextmanager
def rolled_back() -> Iterator[Writes]:
    """Collect what is written inside, and roll it back afterwards."""
    writes = Writes()
    with transaction.atomic():
        with connection.execute_wrapper(writes):
            yield writes
        transaction.set_rollback(True)


def check_answer(client: Client, name: str, things: dict[str, Any], expected: Expected) -> str:
    """What is wrong with the answer; "" if it is right. A refused request must change nothing."""
    cookies = client.cookies
    client.cookies = copied(cookies)
    with rolled_back() as writes:
        try:
            check(ask(client, name, things), expected)
            if expected in (404, 410, LOGIN):
                assert writes == []
        except AssertionError as problem:
            return str(problem)
        finally:
            client.cookies = cookies
    return ""


def test_matrix_has_all_addresses() -> None:
    patterns: list[Any] = [*gallery_urls.urlpatterns, *studio_urls.urlpatterns]
    names = {pattern.name for pattern in patterns if isinstance(pattern, URLPattern)}
    resolvers = [str(pattern.pattern) for pattern in patterns if isinstance(pattern, URLResolver)]
    assert names == set(MATRIX)
    assert resolvers == ["", "admin/"], "addresses below a new prefix need rows in this matrix"


def test_write_is_noticed_and_rolled_back(clients: dict[str, Client], things: dict[str, Any]) -> None:
    with rolled_back() as writes:
        ask(clients["owner"], "gallery_delete", things)
        assert not Gallery.objects.filter(pk=things["gallery"].pk).exists()
    assert [sql for sql in writes if "gallery_gallery" in sql]
    assert Gallery.objects.filter(pk=things["gallery"].pk).exists()


@pytest.mark.parametrize("name", MATRIX)
def test_each_person_gets_the_expected_answer(name: str, clients: dict[str, Client], things: dict[str, Any]) -> None:
    """All four people ask while it is private. Three ask again after it is shared with the team."""
    problems = {
        who: check_answer(clients[who], name, things, expected)
        for who, expected in zip(PEOPLE, MATRIX[name][1], strict=True)
    }
    Gallery.objects.update(shared_with_team=True)
    for who in ("stranger", "teammate", "administrator"):
        expected = MATRIX[name][1][PEOPLE.index(who)]
        if name in SHARED_WITH_TEAM and who != "stranger":
            expected = SHARED_WITH_TEAM[name]
        # The failed generation has no gallery, so it stays private.
        problems[f"{who}, shown to the team"] = check_answer(clients[who], name, things, expected)
    assert {who: problem for who, problem in problems.items() if problem} == {}


# What members get by their role, in addition to what a teammate of a shared gallery gets.
MEMBERS: dict[str, dict[str, Expected]] = {
    Role.VIEWER: {},
    Role.CONTRIBUTOR: {"entry_decide": "/pictures/"},
    Role.MANAGER: {
        "entry_decide": "/pictures/",
        "entry_arrange": "/pictures/",
        "gallery_rename": "/galleries/",
        "gallery_share": "/galleries/",
        "member_change": "/galleries/",
        "member_remove": "/galleries/",
        "picture_remove": "/galleries/",
        "gallery_links": 200,
        "link_edit": 200,
        "link_revoke": "/galleries/",
        "link_revoke_all": "/galleries/",
        "comment_delete": "/pictures/",
        "likes_remove": "/pictures/",
    },
}
# What differs by role. The tests above cover the rest.
OF_MEMBERS = sorted({*SHARED_WITH_TEAM, *MEMBERS[Role.MANAGER], "gallery_delete", "picture_trash", "picture_save"})


@pytest.mark.parametrize("name", OF_MEMBERS)
def test_members_get_the_answer_of_their_role(
    name: str, clients: dict[str, Client], things: dict[str, Any], teammate: Person
) -> None:
    """In each role, as a person and through a group. Access ends at once with the membership."""
    group = Group.objects.create(name="Painters")
    teammate.groups.add(group)
    client = clients["teammate"]
    problems: dict[tuple[str, ...], str] = {}
    for role, allowed in MEMBERS.items():
        expected = {name: MATRIX[name][1][1], **SHARED_WITH_TEAM, **allowed}[name]
        for by, who in (("person", {"person": teammate}), ("group", {"group": group})):
            with rolled_back():
                member = Membership.objects.create(gallery=things["gallery"], role=role, **who)
                problems[role, by] = check_answer(client, name, things, expected)
                if by == "group":
                    teammate.groups.clear()
                else:
                    member.delete()
                problems[role, by, "ended"] = check_answer(client, name, things, MATRIX[name][1][1])
    assert {who: problem for who, problem in problems.items() if problem} == {}


GUESTS = [name for name in MATRIX if name.startswith("guest_")]


@pytest.mark.parametrize("name", GUESTS)
def test_dead_links_are_gone_for_all(name: str, clients: dict[str, Client], things: dict[str, Any]) -> None:
    now = timezone.now()
    ends: dict[str, dict[str, Any]] = {
        "revoked": {"revoked_at": now},
        "expired": {"expires_at": now},
        "its gallery deleted": {"gallery": None},
    }
    problems = {}
    for end, change in ends.items():
        with rolled_back():
            ShareLink.objects.filter(pk=things["link"].pk).update(**change)
            for who in PEOPLE:
                problems[end, who] = check_answer(clients[who], name, things, 410)
    assert {who: problem for who, problem in problems.items() if problem} == {}


TAKES_FORMS = [name for name, (method, _) in MATRIX.items() if method == "post" and name != "picture_save"]


@pytest.mark.parametrize("name", TAKES_FORMS)
def test_changes_need_a_post(name: str, clients: dict[str, Client], things: dict[str, Any]) -> None:
    with rolled_back() as writes:
        address = ask(clients["stranger"], name, things).request["PATH_INFO"]
        assert clients["owner"].get(address).status_code == 405
        assert writes == []
