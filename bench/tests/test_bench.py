"""The benchmark must be able to fail: these tests run it with sides that lose or repeat generations."""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.ask import Connection
from bench.orders import Order, at_once, between, regularly
from bench.parts import problems_of, too_slow
from bench.plan import Steady
from bench.rounds import Conditions, Round
from bench.upstream import Times, Upstream, duration

TIMES = Times(delay=0.01, slow=0.3, shortest=0.01, longest=0.05)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"picture")
    upstream = Conditions(picture, TIMES).upstream()
    yield upstream
    upstream.close()


def post(upstream: Upstream, order: Order) -> Any:
    body = json.dumps({"model": order.model, "prompt": order.prompt, "n": 1}).encode()
    request = urllib.request.Request(f"{upstream.origin}/v1/images/generations", body)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def get(upstream: Upstream, path: str) -> Any:
    with urllib.request.urlopen(f"{upstream.origin}{path}", timeout=30) as answer:
        return json.load(answer)


def stored(order: Order, **changes: Any) -> dict[str, Any]:
    return {
        "prompt": order.prompt,
        "asked_at": 1_000.0,
        "noticed_at": 1_002.0,
        "stored_at": 1_003.0,
        "end": "completed",
        **changes,
    }


# -- the figures, from the counts of a real upstream


def test_complete_round_has_no_problems(upstream: Upstream) -> None:
    orders = at_once("bench-sync", 3)
    for order in orders:
        post(upstream, order)
    figures = Round(orders, [stored(order) for order in orders], upstream.stats()).figures()
    assert (figures.count, figures.lost, figures.posted_twice) == (3, 0, 0)
    assert figures.overheads == pytest.approx([3.0 - TIMES.delay] * 3)
    assert problems_of("a round", figures) == []


@pytest.mark.parametrize("model", ["bench-sync", "bench-async", "bench-slow"])
def test_two_posts_of_a_prompt_are_counted(model: str, upstream: Upstream) -> None:
    orders = at_once(model, 3)
    for order in [*orders, orders[1]]:
        post(upstream, order)
    figures = Round(orders, [stored(order) for order in orders], upstream.stats()).figures()
    assert (figures.lost, figures.posted_twice) == (0, 1)
    assert problems_of("a round", figures) == ["a round: 0 lost, 1 POSTed twice, ends ['completed']"]


@pytest.mark.parametrize(
    "row",
    [
        [],
        [{"stored_at": None, "end": "interrupted"}],
        # A second row of another generation does not count.
        [{"prompt": "bench-sync-0"}],
    ],
    ids=["no row", "not stored", "row of another"],
)
def test_generation_that_was_not_stored_is_lost(row: list[dict[str, Any]], upstream: Upstream) -> None:
    orders = at_once("bench-sync", 2)
    rows = [stored(orders[0]), *(stored(orders[1], **changes) for changes in row)]
    figures = Round(orders, rows, upstream.stats()).figures()
    assert (figures.lost, figures.posted_twice) == (1, 0)
    assert problems_of("a round", figures)[0].startswith("a round: 1 lost")


def test_parts_of_a_round_have_separate_figures(upstream: Upstream) -> None:
    """As in the mixed round, the figures of one person do not depend on another person's generations."""
    tasks, singles = at_once("bench-async", 2, person=1), at_once("bench-sync", 2, person=2)
    for order in [*tasks, *singles, singles[0]]:
        post(upstream, order)
    stats = upstream.stats()
    ready = {task["prompt"]: task["ready_at"] for task in stats["tasks"]}
    rows = [
        *(stored(order, noticed_at=ready[order.prompt] + 1.5) for order in tasks),
        stored(singles[0]),
        stored(singles[1], stored_at=None),
    ]
    done = Round([*tasks, *singles], rows, stats)
    assert done.figures(tasks).detections == pytest.approx([1.5, 1.5])
    assert done.figures(tasks).overheads == []
    assert problems_of("tasks", done.figures(tasks)) == []
    assert (done.figures(singles).lost, done.figures(singles).posted_twice) == (1, 1)
    assert done.figures(singles).detections == []
    assert (done.figures().count, done.figures().lost, done.figures().posted_twice) == (4, 1, 1)


@pytest.mark.parametrize(
    ("least", "slack", "problems"),
    [
        (19.5, 1.1, 0),
        (18.5, 1.1, 1),
        # A small round is not judged.
        (1.0, None, 0),
    ],
)
def test_too_slow_is_measured_at_the_95th_percentile(least: float, slack: float | None, problems: int) -> None:
    """Of 101 detections, 90 are quick, and the 95th percentile is not affected by the 5 slowest."""
    detections = [1.0] * 90 + [21.0] * 6 + [100.0] * 5
    assert len(too_slow("steady", detections, least, slack)) == problems


def test_round_without_detections_is_too_slow() -> None:
    assert len(too_slow("steady", [], 18.8, 1.1)) == 1


# -- the upstream


def test_upstream_takes_as_long_as_the_model_says(upstream: Upstream) -> None:
    for model, seconds in (("bench-sync", TIMES.delay), ("bench-slow", TIMES.slow)):
        begun = time.monotonic()
        assert post(upstream, Order(f"{model}-1", model))["data"]
        assert time.monotonic() - begun >= seconds
    assert upstream.stats()["delays"] == {"bench-sync-1": TIMES.delay, "bench-slow-1": TIMES.slow}


def test_upstream_tasks_take_as_long_as_their_number_says(upstream: Upstream) -> None:
    order = at_once("bench-async", 8)[7]
    task = post(upstream, order)
    time.sleep(TIMES.longest)
    assert get(upstream, task["poll_url"])["status"] == "completed"
    (counted,) = upstream.stats()["tasks"]
    seconds = duration(order.prompt, TIMES.shortest, TIMES.longest)
    assert counted["ready_at"] - counted["asked_at"] == pytest.approx(seconds, abs=0.001)
    assert counted["polls"] == 1


def test_upstream_counts_requests_and_tasks_under_way(tmp_path: Path) -> None:
    """Waiting requests and unfinished tasks count together, and only until they end."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"picture")
    upstream = Conditions(picture, Times(delay=0, slow=3, shortest=3, longest=3)).upstream()
    try:
        for order in at_once("bench-async", 2):
            post(upstream, order)
        slow = [threading.Thread(target=post, args=(upstream, order)) for order in at_once("bench-slow", 3)]
        for thread in slow:
            thread.start()
        for thread in slow:
            thread.join()
        assert upstream.stats()["most_at_once"] == 5
        for order in at_once("bench-async", 6)[2:]:
            post(upstream, order)
        assert upstream.stats()["most_at_once"] == 5
    finally:
        upstream.close()


# -- orders


def test_between_returns_the_orders_of_a_window() -> None:
    orders = regularly("bench-async", 12, every=0.5, first=1.0)
    assert [order.at for order in orders][:3] == [1.0, 1.5, 2.0]
    assert [order.prompt for order in between(orders, 2.0, 3.0)] == ["bench-async-2", "bench-async-3"]
    assert len({order.prompt for order in orders}) == 12


def test_steady_round_goes_on_until_its_window_is_known() -> None:
    """The round lasts for the longest task of the window and for the longest delay of its detection."""
    steady = Steady()
    assert steady.count == 1_200
    assert steady.seconds >= steady.end + Times().longest + 20


def test_table_puts_an_older_checkout_beside_ours() -> None:
    rows = [("start", "1 s", "2 s"), ("new figure", "3", "")]
    printed = report.table(rows, [("start", "9 s", "2 s")]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed]
    assert cells[0] == ["", "Lemon Studio", "an older checkout", "the plain way"]
    assert cells[2:] == [["start", "1 s", "9 s", "2 s"], ["new figure", "3", "", ""]]


def test_client_asks_again_when_the_server_has_closed_the_connection() -> None:
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                asked.append(peer.recv(65_536))
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        connection = Connection(f"http://127.0.0.1:{listener.getsockname()[1]}")
        answers = [connection.ask("/", {"csrftoken": "t"}, {"token": "1"})[::2] for _ in range(2)]
        thread.join(10)
    assert answers == [(200, b"ok")] * 2
    assert all(one.startswith(b"POST / HTTP/1.1") and b"X-CSRFToken: t\r\n" in one for one in asked)
