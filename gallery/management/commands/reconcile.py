"""`manage.py reconcile`: the ledger of a month beside what the upstream says that it charged. Changes nothing."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gallery import upstream
from gallery.models.ledger import NOTHING, in_dollars, this_month
from gallery.queries import reconcile
from gallery.queries.reconcile import Booked, Comparison
from gallery.queries.usage import midnights
from gallery.upstream import management

Answer = TypeVar("Answer")
# Lines of a list that are printed without --all.
SHOWN = 20


def month_in(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no time zone
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is no month; write it as 2026-11.") from None


class Command(BaseCommand):
    help = (
        "Compare the ledger of a month with what the upstream says that it charged, by model and by day, and list "
        "requests that only one of the two knows. Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", type=month_in, metavar="YYYY-MM", help="this month unless given")
        parser.add_argument("--key", default="", metavar="ID", help="the key's id upstream, if it cannot be told")
        parser.add_argument("--all", action="store_true", help=f"print whole lists, not only the first {SHOWN} lines")

    def handle(self, *args: Any, month: date | None, key: str, **options: Any) -> None:
        self.prints_all = bool(options["all"])
        month = month or this_month()
        booked = reconcile.booked_in(month)
        ours = sum((row.cost for row in booked), NOTHING)
        self.stdout.write(f"{month:%B %Y} ({timezone.get_current_timezone_name()})")
        self.stdout.write(f"By the ledger: {in_dollars(ours, cents=True)}")
        if not settings.LEMONDATA_MANAGEMENT_TOKEN:
            self.stdout.write(
                "LEMONDATA_MANAGEMENT_TOKEN is not set, so the service was not asked what it charged. It is a token "
                "of its own (mt-…); the key for pictures cannot read this."
            )
            return
        try:
            client = upstream.Client(settings.LEMONDATA_BASE_URL, settings.LEMONDATA_MANAGEMENT_TOKEN)
        except ValueError as unusable:
            raise CommandError(f"{unusable} Correct LEMONDATA_MANAGEMENT_TOKEN and LEMONDATA_BASE_URL.") from None
        try:
            self._balance(client)
            key = key or self._key(client)
            if key:
                self._compare(client, key, month, booked, ours)
        except upstream.UpstreamError as problem:
            raise CommandError(" ".join(part for part in (problem.message, problem.hint) if part)) from None
        finally:
            client.close()

    def _ask(self, what: str, read: Callable[[], Answer]) -> Answer | None:
        """None, and a sentence, if the service has no such endpoint, or none for this token."""
        try:
            return read()
        except upstream.UpstreamError as problem:
            if not management.is_unavailable(problem):
                raise
            self.stdout.write(f"The service does not tell {what} here (status {problem.status}).")
            return None

    def _balance(self, client: upstream.Client) -> None:
        balance = self._ask("the balance", lambda: management.read_balance(client.look_up))
        if balance is not None and balance.left is not None:
            self.stdout.write(f"The account's balance: {in_dollars(balance.left, cents=True)}")

    def _key(self, client: upstream.Client) -> str:
        """The id of the studio's key; "" if the service does not list keys."""
        keys = self._ask("which keys there are", lambda: management.read_keys(client.look_up, client.hide))
        if keys is None:
            return ""
        fitting = [one for one in keys if one.is_of(settings.LEMONDATA_API_KEY)]
        if len(fitting) == 1:
            return fitting[0].id
        listed = "\n".join(f"  {one.id}  {one.name}  {one.prefix[:12]}" for one in fitting or keys)
        problem = "Several of the account's keys can be" if fitting else "None of the account's keys looks like"
        raise CommandError(f"{problem} the studio's. Name the right one with --key ID.\n{listed}".rstrip())

    def _compare(self, client: upstream.Client, key: str, month: date, booked: Sequence[Booked], ours: Decimal) -> None:
        usage = self._ask(
            "the single requests",
            lambda: management.read_usage(client.look_up, key, *reconcile.window(month), client.hide),
        )
        if usage is not None:
            comparison = reconcile.compare(month, booked, usage.charges)
            self._sums(ours, comparison.theirs)
            self._sides("model", reconcile.by_model(booked), comparison.theirs_by_model)
            self._sides("day", reconcile.by_day(booked), comparison.theirs_by_day)
            self._lists(comparison)
            if not usage.is_whole:
                self.stdout.write("The service has more requests than could be asked for. Their side is not complete.")
            return
        edges = midnights(month)
        billing = self._ask(
            "the sums", lambda: management.read_billing(client.look_up, key, edges[0], edges[-1], client.hide)
        )
        if billing is None:
            return
        parts = billing.by_model or billing.by_day
        self._sums(ours, billing.total if billing.total is not None else sum(parts.values(), NOTHING))
        if billing.by_model:
            self._sides("model", reconcile.by_model(booked), billing.by_model)
        if billing.by_day:
            self._sides("day", reconcile.by_day(booked), billing.by_day)
        self.stdout.write(
            "These sums are by the day of the charge, in the service's time zone: around midnight, and at the ends of "
            "the month, a request may count for another day than here."
        )

    def _sums(self, ours: Decimal, theirs: Decimal) -> None:
        self.stdout.write(f"By the service: {in_dollars(theirs, cents=True)}")
        self.stdout.write(f"Difference (theirs less ours): {in_dollars(theirs - ours, cents=True)}")

    def _sides(self, what: str, ours: Mapping[Any, Decimal], theirs: Mapping[Any, Decimal]) -> None:
        names = sorted(ours.keys() | theirs.keys())
        if not names:
            return
        width = max(len(what) + 3, *(len(str(name)) for name in names))
        self.stdout.write(f"\n{f'By {what}':<{width}} {'ours':>12} {'theirs':>12} {'difference':>12}")
        for name in names:
            left, right = ours.get(name, NOTHING), theirs.get(name, NOTHING)
            amounts = (in_dollars(one, cents=True) for one in (left, right, right - left))
            self.stdout.write(f"{name!s:<{width}} " + " ".join(f"{amount:>12}" for amount in amounts))

    def _lists(self, found: Comparison) -> None:
        self._list(
            "Another cost there",
            (
                f"generation {row.generation}: {in_dollars(row.cost)} here, {in_dollars(cost)} there"
                for row, cost in found.differing
            ),
        )
        self._list(
            "With a billing id that the service does not list",
            (f"generation {row.generation}: {in_dollars(row.cost)}, {row.billing_id}" for row in found.unknown_there),
        )
        self._list(
            "Charged by the service, and unknown here",
            (
                f"{one.billing_id or one.request_id or 'without an id'}: "
                f"{'cost not said' if one.cost is None else in_dollars(one.cost)}, {one.model or 'no model'}"
                f"{f', {timezone.localtime(one.at):%Y-%m-%d %H:%M}' if one.at else ''}"
                for one in found.unknown_here
            ),
        )
        self._list(
            "In the ledger, not found there, and without a billing id",
            (f"generation {row.generation}: {in_dollars(row.cost)}" for row in found.without_id),
        )
        if found.of_other_months:
            self.stdout.write(f"\nCharges that the ledger counts for another month: {found.of_other_months}")
        if found.unpriced:
            self.stdout.write(f"\nCharges whose cost the service does not say: {found.unpriced}")

    def _list(self, title: str, lines: Iterable[str]) -> None:
        lines = list(lines)
        if not lines:
            return
        self.stdout.write(f"\n{title} ({len(lines)}):")
        for line in lines if self.prints_all else lines[:SHOWN]:
            self.stdout.write(f"  {line}")
        if not self.prints_all and len(lines) > SHOWN:
            self.stdout.write(f"  … and {len(lines) - SHOWN} more; --all prints them.")
