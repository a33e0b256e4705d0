"""Usage: the figures are right, and each person sees only those they may see."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import Budget, Generation, LedgerEntry, Person, Picture, State, ledger
from gallery.models.ledger import month_of
from gallery.queries.usage import first_month, midnights, usage_of
from gallery.web import charts
from tests.conftest import model, send, signed_in

pytestmark = pytest.mark.database

MakePicture = Callable[..., Picture]
NOVEMBER = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOVEMBER)


Asked = Callable[..., Generation]


@pytest.fixture
def asked(owner: Person, make_picture: MakePicture) -> Asked:
    """Makes a generation of that day of November, with its pictures and costs."""

    def ask(
        day: int = 1,
        slug: str = "midjourney",
        *,
        author: Person = owner,
        count: int = 1,
        pictures: int = 0,
        state: str = "",
        prompt: str = "A lemon",
        when: datetime | None = None,
    ) -> Generation:
        price = model(slug).price
        generation = Generation.objects.create(
            author=author,
            model=model(slug),
            prompt=prompt,
            count=count,
            created_at=when or datetime(2026, 11, day, 12, tzinfo=UTC),
            estimated_cost=None if price is None else price * count,
        )
        ledger.reserve(author, [generation])
        if pictures:
            send(generation)
            generation.deliver([{"url": "u"}] * pictures, fetch_by=NOVEMBER)
            generation.refresh_from_db()
            for index in range(pictures):
                make_picture(generation, index)
            generation.complete(generation.cost_of_results)
        elif state == State.CANCELLED:
            generation.stop_waiting()
        elif state:
            send(generation)
            generation.interrupt() if state == State.INTERRUPTED else generation.fail("too_yellow", "No lemons.")
        return generation

    return ask


def page(client: Client, **query: str) -> str:
    response = client.get("/usage/", query)
    assert response.status_code == 200
    return response.content.decode()


def tables(text: str) -> dict[str, list[list[str]]]:
    """The cells of each table's body, row by row, by its caption."""
    found = {}
    for table in re.findall(r"<table.*?</table>", text, re.S):
        caption = re.search(r"<caption[^>]*>(.*?)</caption>", table, re.S)
        assert caption is not None
        body = table.partition("<tbody>")[2]
        rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
        found[caption[1]] = [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells]
    return found


def sums(text: str) -> dict[str, str]:
    return dict(re.findall(r'class="sum[^"]*"><dt>(.*?)</dt><dd>(.*?)</dd>', text))


# -- own usage


def test_page_shows_spending_and_pictures(as_owner: Client, asked: Asked) -> None:
    asked(3, count=4, pictures=4)
    asked(3, "dall-e-3", pictures=1)
    asked(4, count=2, pictures=1)
    asked(5, state=State.FAILED)
    asked(5, state=State.INTERRUPTED)
    asked(6, state=State.CANCELLED)
    asked(21, count=2)
    text = page(as_owner)
    assert sums(text) == {"Spent": "$0.44", "Pictures made": "6", "Requests": "7"}
    assert tables(text) == {
        "By day": [
            ["Tue 3 November", "2", "5", "$0.24"],
            ["Wed 4 November", "1", "1", "$0.05"],
            ["Thu 5 November", "2", "0", "$0.05"],
            ["Fri 6 November", "1", "0", "$0.00"],
            ["Sat 21 November", "1", "0", "$0.10"],
        ],
        "By model": [["Midjourney", "6", "5", "$0.40"], ["DALL·E 3", "1", "1", "$0.04"]],
        "By outcome": [
            ["Completed", "3", "6", "$0.29"],
            ["Failed", "1", "0", "$0.00"],
            ["No answer", "1", "0", "$0.05"],
            ["Cancelled", "1", "0", "$0.00"],
            ["Under way", "1", "0", "$0.10"],
        ],
    }
    assert "the estimate counts" in text


def test_page_shows_own_usage_only(as_owner: Client, asked: Asked, teammate: Person) -> None:
    asked(author=teammate, pictures=1)
    text = page(as_owner)
    assert sums(text) == {"Spent": "$0.00", "Pictures made": "0", "Requests": "0"}
    assert "Nothing yet this month" in text
    assert "Tom Teammate" not in text


def test_unknown_prices_are_mentioned_and_their_pictures_counted(as_owner: Client, asked: Asked) -> None:
    asked(2, "flux-pro", pictures=1)
    text = page(as_owner)
    assert "One request went to a model whose price is not known; it is not in the sum." in text
    assert tables(text)["By model"] == [["FLUX pro", "1", "1", "not known"]]
    assert "Pictures by day" in text  # bars of no height would say nothing
    assert "Cost by day" in page(as_owner, by="cost")
    asked(3, "dall-e-3", pictures=1)
    assert sums(page(as_owner))["Spent"] == "at least $0.04"


def test_what_was_surely_not_charged_costs_nothing_at_any_price(as_owner: Client, asked: Asked) -> None:
    """As its card says."""
    asked(2, "flux-pro", state=State.FAILED)
    asked(2, "flux-pro", state=State.CANCELLED)
    asked(2, "flux-pro", state=State.INTERRUPTED)
    text = page(as_owner)
    costs = {row[0]: row[-1] for row in tables(text)["By outcome"]}
    assert costs == {"Failed": "$0.00", "Cancelled": "$0.00", "No answer": "not known"}
    assert {one.was_charged for one in Generation.objects.exclude(state=State.INTERRUPTED)} == {False}


def test_deleted_picture_still_counts(as_owner: Client, asked: Asked) -> None:
    asked(pictures=2, count=2)
    Picture.objects.all()[0].delete()
    assert sums(page(as_owner))["Pictures made"] == "2"


def test_chart_can_show_pictures(as_owner: Client, asked: Asked) -> None:
    asked(3, "dall-e-3", pictures=1)
    asked(3, "flux-pro", count=4, pictures=3)
    text = page(as_owner, by="pictures")
    assert "Pictures by day" in text
    assert re.findall(r'text-anchor="end">([^<]*)</text>', text) == ["4", "2", "0", "3 pictures", "1 picture"]
    assert [row[0] for row in tables(text)["By model"]] == ["FLUX pro", "DALL·E 3"]
    assert [row[0] for row in tables(page(as_owner))["By model"]] == ["DALL·E 3", "FLUX pro"]


def test_table_has_the_figures_of_the_chart(as_owner: Client, asked: Asked) -> None:
    asked(3, count=4, pictures=4)
    asked(9, pictures=1)
    text = page(as_owner)
    heights = re.findall(r'class="chart-bar[^"]*" x="[^"]*" width="[^"]*" y="[^"]*" height="([^"]*)" rx="2"', text)
    assert len(heights) == 30
    drawn = {place + 1: float(height) for place, height in enumerate(heights) if float(height)}
    assert drawn == {3: charts.PLOT, 9: charts.PLOT / 4}
    assert "<title>3 November: $0.20, 4 pictures</title>" in text
    assert "<title>9 November: $0.05, 1 picture</title>" in text
    assert "style=" not in text


def test_days_follow_the_studio_time_zone(as_owner: Client, asked: Asked, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    asked(when=datetime(2026, 10, 31, 23, 30, tzinfo=UTC), pictures=1)  # there, it is November already
    asked(when=datetime(2026, 11, 1, 22, 59, tzinfo=UTC), pictures=1)
    asked(when=datetime(2026, 11, 1, 23, 0, tzinfo=UTC), pictures=1)
    days = tables(page(as_owner))["By day"]
    assert days == [["Sun 1 November", "2", "2", "$0.10"], ["Mon 2 November", "1", "1", "$0.05"]]


def test_days_are_right_when_the_clocks_change(settings: Any, owner: Person, asked: Asked) -> None:
    settings.TIME_ZONE = "America/New_York"
    bounds = midnights(month_of(NOVEMBER))
    hours = [
        (after.astimezone(UTC) - before.astimezone(UTC)) / timedelta(hours=1) for before, after in pairwise(bounds)
    ]
    assert hours == [25.0, *([24.0] * 29)]
    asked(when=datetime(2026, 11, 2, 4, 59, tzinfo=UTC))
    asked(when=datetime(2026, 11, 2, 5, 0, tzinfo=UTC))
    days = usage_of(month_of(NOVEMBER), owner).days
    assert [day.requests for day in days[:3]] == [1, 1, 0]


def test_month_adds_up_to_the_ledger(owner: Person, asked: Asked) -> None:
    for day in range(1, 31):
        asked(day, count=day % 4 + 1, pictures=day % 3)
    usage = usage_of(month_of(NOVEMBER), owner)
    entries = LedgerEntry.objects.filter(person=owner, month=month_of(NOVEMBER))
    assert usage.total.cost == entries.total()
    for lines in (usage.days, usage.models, usage.ends, usage.people):
        assert sum(line.cost for line in lines) == usage.total.cost
        assert sum(line.pictures for line in lines) == usage.total.pictures
        assert sum(line.requests for line in lines) == usage.total.requests == 30


# -- months


def test_page_shows_other_months(as_owner: Client, asked: Asked) -> None:
    asked(when=datetime(2026, 9, 9, tzinfo=UTC), pictures=1)
    asked(2, count=2)
    now = page(as_owner)
    assert 'aria-label="October 2026"' in now
    assert 'rel="next"' not in now
    september = page(as_owner, month="2026-09")
    assert "Usage in September 2026" in september
    assert sums(september)["Spent"] == "$0.05"
    assert 'href="/usage/?month=2026-10" rel="next"' in september
    assert 'rel="prev"' not in september, "there was nothing before"
    assert "left this month" not in september
    october = page(as_owner, month="2026-10")
    assert "Nothing in October 2026" in october
    assert 'href="/usage/" rel="next"' in october


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "1999-01", "november", "2026-11-01", "٢٠٢٦-١١"])
@pytest.mark.parametrize("address", ["/usage/", "/usage/csv"])
def test_invalid_month_is_not_found(month: str, address: str, as_owner: Client) -> None:
    assert as_owner.get(address, {"month": month}).status_code == 404


@pytest.mark.parametrize("month", ["2000-01", "2026-12", "2999-12"])
def test_month_without_generations_has_no_requests(month: str, as_owner: Client, asked: Asked) -> None:
    asked()
    assert sums(page(as_owner, month=month))["Requests"] == "0"


def test_links_keep_the_chosen_month_and_measure(as_administrator: Client, asked: Asked, administrator: Person) -> None:
    asked(when=datetime(2026, 9, 9, tzinfo=UTC), author=administrator, pictures=1)
    text = page(as_administrator, month="2026-10", view="team", by="pictures")
    assert 'href="/usage/?month=2026-09&amp;view=team&amp;by=pictures" rel="prev"' in text
    assert 'href="/usage/?month=2026-10&amp;by=pictures"' in text  # Mine
    assert "Nothing in October 2026" in text


def test_first_month(owner: Person, teammate: Person, asked: Asked) -> None:
    assert first_month(owner) is None
    asked(when=datetime(2026, 9, 9, tzinfo=UTC))
    assert str(first_month(owner)) == str(first_month()) == "2026-09-01"
    assert first_month(teammate) is None


# -- budgets


def test_budgets_are_shown_tightest_first(as_owner: Client, asked: Asked, owner: Person) -> None:
    designers = Group.objects.create(name="Designers")
    owner.groups.add(designers)
    Budget.objects.create(person=owner, amount=10)
    Budget.objects.create(group=designers, amount=1)
    asked(pictures=4, count=4)
    text = page(as_owner)
    assert text.index("$0.80 of $1 left this month of the budget of Designers") < text.index("$9.80 of $10 left")
    assert '<meter class="budget-meter" min="0" max="100" value="20" aria-label="Designers, spent this month">' in text


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0.25", "$0.05 of $0.25 left this month: nearly used up"), ("0.20", "All of $0.20 is used up this month")],
)
def test_tight_budget_has_a_warning(amount: str, said: str, as_owner: Client, asked: Asked, owner: Person) -> None:
    asked(pictures=4, count=4)
    Budget.objects.create(person=owner, amount=Decimal(amount))
    text = re.sub(r"\s+", " ", page(as_owner))
    assert said in text
    assert "triangle-alert" in text


def test_page_says_that_there_is_no_budget(as_owner: Client) -> None:
    assert "No budget set" in page(as_owner)


# -- the team's


def test_team_page_shows_people_and_groups(
    as_administrator: Client, asked: Asked, owner: Person, teammate: Person, administrator: Person
) -> None:
    designers, marketing = Group.objects.create(name="Designers"), Group.objects.create(name="Marketing")
    owner.groups.add(designers, marketing)
    teammate.groups.add(marketing)
    Budget.objects.create(group=marketing, amount=1)
    asked(1, count=4, pictures=4)
    asked(2, author=teammate, pictures=1)
    asked(2, "flux-pro", author=administrator, pictures=1)
    # After the request without a price, which nobody with a budget may make.
    Budget.objects.create(person=administrator, amount=5)
    text = page(as_administrator, view="team")
    assert sums(text) == {"Spent": "at least $0.25", "Pictures made": "6", "Requests": "3"}
    shown = tables(text)
    assert shown["By person"] == [
        ["Olivia Owner", "1", "4", "$0.20"],
        ["Tom Teammate", "1", "1", "$0.05"],
        ["Ada Administrator", "1", "1", "not known"],
    ]
    assert shown["By group"] == [["Marketing", "$0.25"], ["Designers", "$0.20"]]
    assert [row[0] for row in shown["By day"]] == ["Sun 1 November", "Mon 2 November"]
    assert re.findall(r'class="budget-name">(.*?)<', text) == ["Marketing", "Ada Administrator"]


def test_team_page_shows_the_tightest_budgets(as_administrator: Client) -> None:
    for number in range(15):
        Budget.objects.create(group=Group.objects.create(name=f"Group {number}"), amount=20 - number)
    text = page(as_administrator, view="team")
    assert re.findall(r'class="budget-name">(.*?)<', text) == [f"Group {number}" for number in range(14, 2, -1)]
    assert "3 more budgets" in text


def test_person_without_permission_cannot_see_the_team(as_owner: Client, asked: Asked) -> None:
    asked()
    for address in ("/usage/", "/usage/csv"):
        assert as_owner.get(address, {"view": "team"}).status_code == 404
    assert "view=team" not in page(as_owner)


def test_team_page_needs_the_permission_to_view_the_ledger(teammate: Person, asked: Asked) -> None:
    asked()
    Person.objects.filter(pk=teammate.pk).update(is_staff=True)
    client = signed_in(Person.objects.get(pk=teammate.pk))
    assert client.get("/usage/", {"view": "team"}).status_code == 404
    teammate.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    assert client.get("/usage/", {"view": "team"}).status_code == 200
    Person.objects.filter(pk=teammate.pk).update(is_staff=False)
    assert client.get("/usage/", {"view": "team"}).status_code == 404


def test_team_page_of_an_empty_studio(as_administrator: Client) -> None:
    text = page(as_administrator, view="team")
    assert "Nothing yet this month" in text
    assert "By group" not in tables(text)


# -- as a file


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff"), "Excel would not know that it is UTF-8"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_csv_has_a_row_for_each_generation(as_owner: Client, asked: Asked, teammate: Person) -> None:
    asked(3, count=4, pictures=3, prompt='A "lemon", cut\nin two')
    asked(4, "flux-pro", pictures=1)
    asked(5, state=State.CANCELLED)
    asked(6, author=teammate, pictures=1)
    asked(when=datetime(2026, 10, 31, tzinfo=UTC), pictures=1)
    response = as_owner.get("/usage/csv", {"month": "2026-11"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="lemon-studio-usage-2026-11.csv"'
    first, *others = rows_of(response)
    assert first == {
        "Date": "2026-11-03 12:00",
        "Person": "Olivia Owner",
        "Model": "Midjourney",
        "Prompt": 'A "lemon", cut\nin two',
        "Pictures asked for": "4",
        "Pictures": "3",
        "State": "Completed",
        "Cost (USD)": "0.1500",
    }
    assert [(row["State"], row["Cost (USD)"]) for row in others] == [("Completed", ""), ("Cancelled", "0.0000")]


def test_csv_is_of_this_month_by_default(as_owner: Client, asked: Asked) -> None:
    asked()
    assert len(rows_of(as_owner.get("/usage/csv"))) == 1


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1", '=HYPERLINK("http://x.example","y")']
)
def test_csv_has_no_formulas(text: str, as_administrator: Client, administrator: Person, asked: Asked) -> None:
    Person.objects.filter(pk=administrator.pk).update(name=text)
    asked(author=administrator, prompt=text)
    [row] = rows_of(as_administrator.get("/usage/csv"))
    assert row["Prompt"] == row["Person"] == f"'{text}"


def test_team_csv_leaves_out_prompts(as_administrator: Client, asked: Asked, teammate: Person) -> None:
    asked(prompt="A secret lemon", pictures=1)
    asked(author=teammate, pictures=1)
    response = as_administrator.get("/usage/csv", {"view": "team"})
    assert "usage-team-2026-11" in response["Content-Disposition"]
    rows = rows_of(response)
    assert {row["Person"] for row in rows} == {"Olivia Owner", "Tom Teammate"}
    assert "Prompt" not in rows[0]
    assert "secret" not in str(rows)


def test_csv_costs_agree_with_the_page(as_owner: Client, asked: Asked) -> None:
    for day in range(1, 20):
        asked(day, count=2, pictures=day % 3)
    rows = rows_of(as_owner.get("/usage/csv"))
    total = sum(Decimal(row["Cost (USD)"]) for row in rows)
    assert sums(page(as_owner))["Spent"] == f"${total:.2f}"


# -- cost


@pytest.mark.parametrize(
    ("view", "address"), [("", "/usage/"), ("team", "/usage/"), ("", "/usage/csv"), ("team", "/usage/csv")]
)
def test_query_count_is_constant(
    view: str, address: str, as_administrator: Client, administrator: Person, asked: Asked, teammate: Person
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as context:
            response = as_administrator.get(address, {"view": view})
            assert b"".join(response) if response.streaming else response.content
        return len(context)

    def ask(days: range) -> None:
        for day in days:
            for author in (administrator, teammate):
                asked(day, author=author, pictures=1)
                asked(day, "dall-e-3", author=author, state=State.FAILED)

    ask(range(1, 2))
    few = queries()
    group = Group.objects.create(name="Designers")
    teammate.groups.add(group)
    for owned in ({"group": group}, {"person": teammate}, {"person": administrator}):
        Budget.objects.create(amount=1, **owned)
    ask(range(2, 12))
    assert queries() == few


def fill(template: Generation, generations: int) -> None:
    """Copy a generation so many times, spread evenly over the last two years, with two ledger entries each."""
    own = ("id", "token", "created_at")
    names = [field.column for field in Generation._meta.concrete_fields if field.column not in own]
    columns = ", ".join(f'"{name}"' for name in names)
    copied = ", ".join(f'g."{name}"' for name in names)
    if connection.vendor == "sqlite":
        token = f"substr('{'0' * 32}' || n.i, -32)"
        moment = "datetime(%s, '-' || (n.i * %s) || ' minutes')"
        month = "date(created_at, 'start of month')"
    else:
        token = "lpad(n.i::text, 32, '0')::uuid"
        moment = "%s::timestamptz - n.i * %s * interval '1 minute'"
        month = "date_trunc('month', created_at)::date"
    minutes = 2 * 365 * 24 * 60 / generations
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
            f" INSERT INTO gallery_generation ({columns}, token, created_at)"
            f" SELECT {copied}, {token}, {moment} FROM n, gallery_generation g WHERE g.id = %s",
            [generations, f"{NOVEMBER:%Y-%m-%d %H:%M:%S}+00:00", minutes, template.pk],
        )
        for kind, amount in (("reserved", "0.05"), ("settled", "0")):
            cursor.execute(
                "INSERT INTO gallery_ledgerentry (person_id, generation_id, month, kind, amount, created_at)"
                f" SELECT author_id, id, {month}, %s, %s, created_at FROM gallery_generation WHERE id <> %s",
                [kind, amount, template.pk],
            )
        cursor.execute("ANALYZE")


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}".replace("%", "%%"), [])
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("view", ["", "team"])
def test_month_among_100_000_ledger_rows_is_read_by_indexes(
    view: str, as_administrator: Client, administrator: Person, asked: Asked
) -> None:
    administrator.groups.add(group := Group.objects.create(name="Designers"))
    Budget.objects.create(person=administrator, amount=1000)
    Budget.objects.create(group=group, amount=1000)
    fill(asked(author=administrator, pictures=1), 50_000)
    assert LedgerEntry.objects.count() > 100_000
    with CaptureQueriesContext(connection) as context:
        text = page(as_administrator, view=view)
    requests = int(sums(text)["Requests"])
    assert 1200 < requests < 1600  # 50 000 in 24 months, and three quarters of this one is over
    looked_at = [query["sql"] for query in context if re.search(r"gallery_(generation|ledgerentry)\b", query["sql"])]
    assert len(looked_at) >= 3
    for sql in looked_at:
        found = plan(sql)
        assert not re.search(r"(SCAN|Seq Scan on) (gallery_generation|gallery_ledgerentry|V0)\b", found), (
            f"{sql}\n{found}"
        )


def test_reserved_sum_is_read_from_an_index_only(owner: Person, asked: Asked) -> None:
    budget = Budget.objects.create(person=owner, amount=1000)
    fill(asked(pictures=1), 20_000)
    with CaptureQueriesContext(connection) as context:
        assert budget.spent(month_of(NOVEMBER)) > 1
    assert "ledger_by_month" in plan(context[0]["sql"])


# -- the geometry of the charts


@pytest.mark.parametrize(
    ("most", "top"),
    [
        ("0", "2"),
        ("0.05", "0.06"),
        ("0.26", "0.4"),
        ("1", "1"),
        ("1.01", "2"),
        ("7", "8"),
        ("8.5", "10"),
        ("100", "100"),
        ("421", "600"),
    ],
)
def test_axis_ends_at_a_round_number(most: str, top: str) -> None:
    assert charts.scale_top(Decimal(most)) == Decimal(top)


def test_small_values_are_visible_and_zero_is_not() -> None:
    values = [Decimal(1000), Decimal("0.01"), Decimal(0)]
    drawn = charts.columns(values, ["", "", ""], in_words=str, labels=["", "", ""]).columns
    assert [column.height for column in drawn] == [f"{charts.PLOT:.1f}", "2.0", "0.0"]
    assert [bar.width for bar in charts.bars(values, ["a", "b", "c" * 50], ["", "", ""]).bars] == [
        "100.00%",
        "0.60%",
        "0.00%",
    ]


def test_charts_without_values() -> None:
    assert charts.columns([], [], in_words=str, labels=[]).columns == []
    assert charts.bars([], [], []).height == 0
