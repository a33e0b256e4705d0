"""The headers of all answers, and what no page may contain."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from gallery.models import Gallery, Generation, Person, Picture, State, UpstreamAccount
from tests.conftest import PASSWORD, model, put

POLICY = {
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
}
# Browsers do not run these: data for scripts.
DATA_TYPES = {"application/json", "text/plain"}


class Inline(HTMLParser):
    """Collects what the policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given:
            self.found.append(f"style in <{tag}>")
        if tag == "script" and not given.get("src") and given.get("type") not in DATA_TYPES:
            self.found.append("inline <script>")
        for name, value in given.items():
            value = value or ""
            if name.startswith(("on", "hx-on")) or value.strip().lower().startswith("javascript:"):
                self.found.append(f"{name} in <{tag}>")
            loads = name in ("src", "srcset", "action") or (name == "href" and tag in ("link", "use"))
            if loads and value.startswith(("http:", "https:", "//", "data:")):
                self.found.append(f"{name} of <{tag}> elsewhere: {value}")
            # These need eval in htmx.
            if name == "hx-vals" and value.startswith(("js:", "javascript:")):
                self.found.append(f"{name} in <{tag}> needs eval")
            if name == "hx-trigger" and "[" in value:
                self.found.append(f"{name} in <{tag}> needs eval")


@pytest.fixture
def furnished(
    make_generation: Callable[..., Generation], make_picture: Callable[..., Picture], team_gallery: Gallery
) -> dict[str, int]:
    """A studio that shows all kinds of cards, tiles and notices."""
    for state in State:
        make_generation(state=state, gallery=team_gallery)
    make_generation(state=State.FAILED, error_code="model_not_found", suggested_model=model("dall-e-2"))
    make_generation(state=State.FAILED, results=[{"url": "https://x.example/a.png"}])
    picture = make_picture(gallery=team_gallery)
    put(picture, team_gallery)
    UpstreamAccount.pause("insufficient_balance", "The account is empty.", "Top it up.", seconds=60)
    return {"picture": picture.pk, "gallery": team_gallery.pk, "generation": picture.generation_id}


PAGES = [
    "/",
    "/?feed=team",
    "/generations/options/",
    "/generations/feed/",
    "/galleries/",
    "/galleries/{gallery}/",
    "/galleries/{gallery}/links/",
    "/pictures/{picture}/",
    "/pictures/{picture}/save/",
    "/account/",
    "/account/password/",
    "/account/password/done/",
    "/nowhere/",
]
ADMIN_PAGES = [
    "/admin/",
    "/admin/gallery/person/",
    "/admin/gallery/person/add/",
    "/admin/gallery/generation/",
    "/admin/gallery/generation/{generation}/change/",
    "/admin/gallery/picture/{picture}/change/",
    "/admin/gallery/gallery/{gallery}/change/",
    "/admin/gallery/imagemodel/",
    "/admin/gallery/upstreamaccount/1/change/",
    "/admin/django_q/schedule/",
    "/admin/django_q/ormq/",
]


def check_headers(response: Any) -> None:
    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def check_page(response: Any) -> None:
    check_headers(response)
    parser = Inline()
    parser.feed(response.content.decode())
    assert parser.found == []


@pytest.mark.parametrize("address", PAGES)
def test_pages_follow_the_policy(as_owner: Client, furnished: dict[str, int], address: str) -> None:
    check_page(as_owner.get(address.format(**furnished)))


@pytest.mark.parametrize("address", ADMIN_PAGES)
def test_administration_follows_the_policy(as_administrator: Client, furnished: dict[str, int], address: str) -> None:
    response = as_administrator.get(address.format(**furnished))
    assert response.status_code == 200
    check_page(response)


@pytest.mark.parametrize("address", ["/setup/", "/login/", "/nowhere/"])
def test_pages_for_strangers_follow_the_policy(as_stranger: Client, address: str) -> None:
    if address == "/login/":
        Person.objects.create_user("person@example.org", PASSWORD)
    check_page(as_stranger.get(address))


@pytest.mark.parametrize("address", ["/login/", "/galleries/new/", "/generations/", "/pictures/{picture}/save/"])
def test_pages_with_errors_follow_the_policy(
    as_owner: Client, as_stranger: Client, furnished: dict[str, int], address: str
) -> None:
    client = as_stranger if address == "/login/" else as_owner
    response = client.post(address.format(**furnished), {"name": "", "prompt": "", "username": "x", "new_gallery": ""})
    assert response.status_code in (200, 422)
    check_page(response)


def test_answers_to_htmx_follow_the_policy(as_owner: Client, furnished: dict[str, int]) -> None:
    hx = {"HX-Request": "true"}
    pending = [f"{pk}:0" for pk in Generation.objects.values_list("pk", flat=True)]
    check_page(as_owner.post("/generations/poll/", {"pending": pending}, headers=hx))
    check_page(as_owner.post("/generations/", {"prompt": "A lemon", "model": model().pk, "count": "1"}, headers=hx))
    check_page(as_owner.get(f"/pictures/{furnished['picture']}/save/", headers=hx))


@pytest.mark.parametrize("address", ["/healthz", "/pictures/{picture}/download/", "/generations/1/cancel/", "/logout/"])
def test_other_answers_have_the_headers(as_owner: Client, furnished: dict[str, int], address: str) -> None:
    check_headers(as_owner.get(address.format(**furnished)))


def test_policy_is_strict(settings: Any) -> None:
    assert "unsafe" not in str(settings.CONTENT_SECURITY_POLICY)
    assert not getattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY", None)


def test_cookies_are_hidden_from_scripts_and_other_sites(as_stranger: Client, owner: Person) -> None:
    as_stranger.get("/login/")
    as_stranger.post("/login/", {"username": owner.email, "password": PASSWORD})
    for name in ("sessionid", "csrftoken"):
        cookie = as_stranger.cookies[name]
        assert cookie["httponly"] is True, name
        assert cookie["samesite"] == "Lax", name


@pytest.mark.parametrize("https", [True, False])
def test_https_secures_cookies_and_sends_hsts(settings: Any, owner: Person, https: bool) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = https
    settings.SECURE_HSTS_SECONDS = 60 if https else 0
    client = Client()
    client.get("/login/", secure=https)
    response = client.post("/login/", {"username": owner.email, "password": PASSWORD}, secure=https)
    assert bool(client.cookies["sessionid"]["secure"]) is https
    assert bool(client.cookies["csrftoken"]["secure"]) is https
    assert response.has_header("Strict-Transport-Security") is https
    client.post("/account/theme/", {"theme": "dark"}, secure=https)
    assert bool(client.cookies["theme"]["secure"]) is https


def test_shared_caches_do_not_keep_private_pages(as_owner: Client) -> None:
    assert "Cookie" in as_owner.get("/")["Vary"]


@pytest.mark.parametrize(
    ("site", "is_compressed"),
    [(None, True), ("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)],
)
def test_pages_are_compressed_unless_another_site_asks(as_owner: Client, site: str | None, is_compressed: bool) -> None:
    """Sizes of compressed answers would tell another site what is in them (BREACH)."""
    headers = {"Accept-Encoding": "gzip", **({"Sec-Fetch-Site": site} if site else {})}
    response = as_owner.get("/", headers=headers)
    assert response.has_header("Content-Encoding") is is_compressed
    assert "Accept-Encoding" in response.get("Vary", "") or not is_compressed


def test_size_of_a_compressed_page_varies(as_owner: Client) -> None:
    sizes = {len(as_owner.get("/", headers={"Accept-Encoding": "gzip"}).content) for _ in range(8)}
    assert len(sizes) > 1


def test_files_are_not_compressed_again(as_owner: Client, make_picture: Callable[..., Picture]) -> None:
    picture = make_picture()
    address = f"/media/{picture.pk}/{picture.digest}/original/"
    response = as_owner.get(address, headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.has_header("Content-Encoding")) == (200, False)
    assert response["Content-Length"] == str(picture.byte_size)


def test_all_forms_need_their_csrf_token(owner: Person, furnished: dict[str, int]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    number = furnished["generation"]
    for address in (
        "/generations/",
        "/generations/poll/",
        f"/generations/{number}/cancel/",
        f"/generations/{number}/retry/",
        "/galleries/new/",
        f"/galleries/{furnished['gallery']}/delete/",
        "/logout/",
        "/account/theme/",
        "/account/password/",
    ):
        assert client.post(address).status_code == 403, address
