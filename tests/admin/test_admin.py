"""The administration: all pages open, the actions work, and no page shows a secret."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task

from gallery import services
from gallery.enqueue import enqueue_submit
from gallery.models import (
    Alert,
    AuditEntry,
    Budget,
    Download,
    Gallery,
    Generation,
    GroupLimit,
    GroupRight,
    GuestAct,
    ImageModel,
    MediaCheck,
    Person,
    Picture,
    PromptTemplate,
    Retention,
    ShareLink,
    State,
    UpstreamAccount,
    ledger,
)
from tests.conftest import PASSWORD, model, put

MakeGeneration = Callable[..., Generation]
MODELS = sorted(admin.site._registry, key=lambda registered: registered._meta.label)
KEY = "sk-live-4f1d8a6c02"


def address(registered: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{registered._meta.app_label}_{registered._meta.model_name}_{page}", args=args)


@pytest.fixture
def rows(make_picture: Callable[..., Picture], make_generation: MakeGeneration, team_gallery: Gallery) -> None:
    """At least one row of each model in the administration."""
    put(make_picture(gallery=team_gallery), team_gallery)
    make_generation(state=State.FAILED, error_code="content_policy_violation", suggested_model=model("dall-e-2"))
    ImageModel.objects.filter(slug="dall-e-3").update(typical_seconds=12.0, slow_seconds=30.0)
    UpstreamAccount.pause("insufficient_balance", "The account is empty.", "Top it up.", seconds=60)
    Budget.objects.create(group=Group.objects.create(name="Designers"), amount=10)
    reserved = make_generation(estimated_cost=Decimal("0.05"))
    ledger.reserve(reserved.author, [reserved])
    PromptTemplate.objects.create(author=reserved.author, name="Fruit", text="A {{fruit}}")
    link = {"label": "A friend", "expires_at": timezone.now()}
    services.share_links.make_link(team_gallery, reserved.author, link)
    GuestAct.objects.create(link=ShareLink.objects.get(), kind=GuestAct.Kind.LIKE, place="a1b2")
    MediaCheck.objects.create()
    Retention.load()
    services.comments.comment(team_gallery, team_gallery.pictures.get(), "Lovely", author=reserved.author)
    Download.objects.create(person=reserved.author, gallery=team_gallery, name="For the team")
    GroupLimit.objects.create(requests_per_day=20)
    GroupRight.objects.create(model=model(), option="quality", choices=["hd"]).groups.set(Group.objects.all())
    TOTP.activate(reserved.author, generate_totp_secret())
    SocialApp.objects.create(provider="openid_connect", provider_id="team", name="Team login", client_id="studio")
    SocialAccount.objects.create(user=reserved.author, provider="team", uid="olivia")
    Alert.objects.create(kind="paused", key="1", subject="The studio is paused", text="The account is empty.")
    AuditEntry.objects.create(person_name="Ada", action="changed", changes={"name": ["Olivia", "Olivia O."]})
    enqueue_submit(1)
    now = timezone.now()
    for name, success in (("went-well", True), ("went-wrong", False)):
        Task.objects.create(
            id=name,
            name=name,
            func="gallery.tasks.ingest",
            args=(1,),
            result="Traceback: it broke",
            started=now - timedelta(seconds=2),
            stopped=now,
            success=success,
        )


def pages() -> list[str]:
    """The addresses of the index, and of each model's list, first row and its history; and some forms to add rows."""
    found = [reverse("admin:index"), reverse("admin:password_change"), reverse("admin:gallery_imagemodel_compare")]
    for registered, site in admin.site._registry.items():
        row = site.get_queryset(RequestStub()).first()  # type: ignore[arg-type]
        assert row is not None, f"no row of {registered._meta.label} was made for these tests"
        found.append(address(registered, "changelist"))
        found.append(address(registered, "change", row.pk))
        found.append(address(registered, "history", row.pk))
    found += [address(registered, "add") for registered in (Person, ImageModel, Gallery, Group)]
    return found


class RequestStub:
    """The request for get_queryset, which needs one."""

    user = None
    GET: dict[str, str] = {}


def test_every_page_opens(as_administrator: Client, rows: None) -> None:
    for page in pages():
        response = as_administrator.get(page)
        assert response.status_code == 200, page


@pytest.mark.parametrize("registered", MODELS, ids=lambda registered: registered._meta.label)
def test_every_list_can_be_searched_sorted_and_paged(
    as_administrator: Client, rows: None, registered: type[Model]
) -> None:
    site = admin.site._registry[registered]
    for query in ({"q": "lemon"}, {"o": "1.-2"}, {"p": "1"}):
        response = as_administrator.get(address(registered, "changelist"), query)
        assert response.status_code in (200, 302), query
    if site.search_fields:
        assert "searchbar" in as_administrator.get(address(registered, "changelist")).content.decode()


def test_queue_and_schedule_are_shown(as_administrator: Client, rows: None) -> None:
    for registered, text in ((OrmQ, "gallery.tasks.submit"), (Schedule, "Housekeeping")):
        assert text in as_administrator.get(address(registered, "changelist")).content.decode()


@pytest.mark.parametrize("page", ["/admin/", "/admin/gallery/generation/", "/admin/django_q/ormq/"])
@pytest.mark.parametrize("who", ["as_owner", "as_stranger"])
def test_other_people_are_sent_to_the_login_page(page: str, who: str, request: pytest.FixtureRequest) -> None:
    response = request.getfixturevalue(who).get(page)
    assert response.status_code == 302
    assert response["Location"].startswith(("/admin/login/?next=/admin/", "/login/?next=/admin/"))


def test_every_page_is_closed_to_others(as_owner: Client, rows: None) -> None:
    for page in pages():
        assert as_owner.get(page).status_code == 302, page


def test_no_page_shows_the_key(as_administrator: Client, as_owner: Client, rows: None, settings: Any) -> None:
    settings.LEMONDATA_API_KEY = KEY
    responses = [as_administrator.get(page) for page in pages()]
    studio = [
        "/",
        "/?feed=team",
        "/galleries/",
        "/account/",
        "/healthz",
        "/generations/options/",
        "/login/",
        "/nowhere/",
    ]
    responses += [client.get(page) for client in (as_owner, as_administrator) for page in studio]
    for response in responses:
        assert KEY.encode() not in response.content, response.request["PATH_INFO"]


# -- people


def test_added_person_can_sign_in(as_administrator: Client, as_stranger: Client) -> None:
    form = {
        "name": "Nora",
        "email": "Nora@Example.org",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert as_administrator.post("/admin/gallery/person/add/", form).status_code == 302
    nora = Person.objects.get(name="Nora")
    assert (nora.email, nora.is_staff) == ("nora@example.org", False)
    assert as_stranger.post("/login/", {"username": "nora@example.org", "password": PASSWORD})["Location"] == "/"


def test_email_that_differs_only_in_case_is_refused(as_administrator: Client, owner: Person) -> None:
    form = {"name": "O", "email": "OLIVIA@example.org", "password1": PASSWORD, "password2": PASSWORD}
    response = as_administrator.post("/admin/gallery/person/add/", form | {"usable_password": "true"})
    assert response.status_code == 200
    assert "There is an account with this e-mail already." in response.content.decode()


def test_page_of_a_person_shows_no_password_hash(as_administrator: Client, owner: Person) -> None:
    text = as_administrator.get(address(Person, "change", owner.pk)).content.decode()
    assert owner.password.rsplit("$", 1)[1] not in text


@pytest.mark.parametrize("registered", [Person, Generation, Picture, UpstreamAccount])
def test_permanent_rows_cannot_be_deleted(as_administrator: Client, rows: None, registered: type[Model]) -> None:
    row = registered._default_manager.all()[:1][0]
    assert as_administrator.post(address(registered, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert registered._default_manager.filter(pk=row.pk).exists()


# -- the catalogue


def test_model_with_invalid_options_is_refused(as_administrator: Client) -> None:
    form = {"slug": "new", "label": "New", "position": "1", "max_count": "1", "give_up_after": "60"}
    bad = '[{"name": "size", "label": "Size", "choices": ["1x1"], "default": "2x2"}]'
    response = as_administrator.post("/admin/gallery/imagemodel/add/", form | {"options": bad})
    assert response.status_code == 200
    assert "The default of “size” is not among its choices." in response.content.decode()
    assert not ImageModel.objects.filter(slug="new").exists()


def test_new_model_is_on_offer_at_once(as_administrator: Client) -> None:
    form = {"slug": "new", "label": "Brand new", "position": "1", "max_count": "2", "give_up_after": "60"}
    form |= {"prompt_limit": "4000", "edit_max_side": "2048", "edit_max_bytes": "20000000"}
    options = '[{"name": "style", "label": "Look", "choices": ["dark", "light"], "default": "dark"}]'
    as_administrator.post(
        "/admin/gallery/imagemodel/add/", form | {"options": options, "enabled": "on", "can_generate": "on"}
    )
    text = as_administrator.get("/").content.decode()
    assert "Brand new" in text
    assert 'name="opt_style" value="light"' in text


# -- actions


def run(client: Client, registered: type[Model], action: str, *chosen: Model) -> str:
    form = {"action": action, "_selected_action": [row.pk for row in chosen]}
    return client.post(address(registered, "changelist"), form, follow=True).content.decode()


def test_retry_action_retries_failed_generations_only(
    as_administrator: Client, make_generation: MakeGeneration
) -> None:
    failed, running = make_generation(state=State.FAILED), make_generation(state=State.PROCESSING)
    assert "1 of 2 asked for again." in run(as_administrator, Generation, "retry", failed, running)
    again = Generation.objects.get(retry_of=failed)
    assert (again.author, again.state) == (failed.author, State.QUEUED)
    assert OrmQ.objects.count() == 1
    assert "0 of 1 asked for again." in run(as_administrator, Generation, "retry", failed)


def test_cancel_action_cancels_generations_under_way_only(
    as_administrator: Client, make_generation: MakeGeneration
) -> None:
    queued, done = make_generation(), make_generation(state=State.COMPLETED)
    assert "1 of 2 cancelled." in run(as_administrator, Generation, "cancel", queued, done)
    queued.refresh_from_db()
    assert queued.state == State.CANCELLED


def test_resume_action_ends_the_pause(as_administrator: Client) -> None:
    UpstreamAccount.pause("insufficient_balance", "The account is empty.", "", seconds=600)
    assert "The queue goes on." in run(as_administrator, UpstreamAccount, "resume", UpstreamAccount.load())
    assert not UpstreamAccount.load().is_paused


def test_generation_cannot_be_edited(as_administrator: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation()
    as_administrator.post(
        address(Generation, "change", generation.pk),
        {"prompt": "Changed", "pictures-TOTAL_FORMS": "0", "pictures-INITIAL_FORMS": "0"},
    )
    generation.refresh_from_db()
    assert generation.prompt == "A lemon on a table"


def test_prompts_are_escaped(as_administrator: Client, make_generation: MakeGeneration) -> None:
    generation = make_generation(prompt="<script>alert(1)</script>")
    for page in (address(Generation, "changelist"), address(Generation, "change", generation.pk)):
        assert "<script>alert(1)" not in as_administrator.get(page).content.decode()


@pytest.mark.parametrize("registered", [Picture, Generation])
def test_previews_show_other_peoples_pictures(
    as_administrator: Client, make_picture: Callable[..., Picture], registered: type[Model]
) -> None:
    picture = make_picture()
    row = picture if registered is Picture else picture.generation
    text = as_administrator.get(address(registered, "change", row.pk)).content.decode()
    sources = re.findall(r'<img src="(/media/[^"]+)"', text)
    assert sources
    assert [as_administrator.get(source).status_code for source in sources] == [200]


def test_retry_action_reports_an_exceeded_budget(as_administrator: Client, make_generation: MakeGeneration) -> None:
    failed = make_generation("midjourney", state=State.FAILED)
    Budget.objects.create(person=failed.author, amount=Decimal("0.01"))
    form = {"action": "retry", "_selected_action": [failed.pk]}
    answer = as_administrator.post("/admin/gallery/generation/", form, follow=True)
    assert "left" in answer.content.decode()
    failed.refresh_from_db()
    assert not failed.dismissed
    assert not Generation.objects.exclude(pk=failed.pk).exists()
