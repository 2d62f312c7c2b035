"""``/v1`` with and without something to pay from: the same server, model and load, in turns."""

from benchmarks.gateway import SHORT, WHOLE, Work, load, make_key
from benchmarks.peers import Peer
from benchmarks.report import Row, figure, median
from benchmarks.setup import cpu_seconds, product, upstream
from tests.live import LiveServer

ROUNDS, SECONDS = 5, 3.0
NAMES = ("nothing to pay from", "a balance and three budgets")
# The price is known either way, so that the cost of counting is in both.
_PRICE = """
from datetime import UTC, datetime
from usage.models import Price
Price.objects.create(model="", match={"regex": "."}, valid_from=datetime(2020, 1, 1, tzinfo=UTC),
                     input_credits=1_000_000, output_credits=1_000_000)
"""
_BEGIN = """
from accounts.models import User
from usage.models import BillingRules, Budget
person = User.objects.get(email="one@example.com")
BillingRules.objects.create(has_balances=True, start_credits=10**14)
for kind, owner, window in (("everyone", "", "month"), ("user", person.pk, "month"),
                            ("user", person.pk, "day")):
    Budget.objects.create(owner_kind=kind, owner_id=owner, window=window, limit_credits=10**14)
"""
_END = """
from usage.models import BillingRules, Budget
BillingRules.objects.all().delete()
Budget.objects.all().delete()
"""


# (work, with or without budgets) → what _measure found, round by round.
Found = dict[tuple[str, str], list[tuple[float, float]]]


def run(*, smoke: bool) -> list[Row]:
    found = _rounds(1, 0.3) if smoke else _rounds(ROUNDS, SECONDS)
    return [
        figure(
            f"{work}, {name}",
            f"{median([rate for rate, _ in each]):,.0f}/s, "
            f"{median([cost for _, cost in each]):,.0f} µs of processor time each",
        )
        for (work, name), each in found.items()
    ]


def _rounds(rounds: int, seconds: float) -> Found:
    found: Found = {}
    with upstream() as port, product(port) as server:
        key = make_key(server, "one@example.com")
        ours = Peer("ours", server.port, {"authorization": f"Bearer {key}"})
        server.manage("shell", "-c", _PRICE)
        load(ours, WHOLE, seconds=seconds)
        for _ in range(rounds):
            for name, change in zip(NAMES, (_END, _BEGIN), strict=True):
                server.manage("shell", "-c", change)
                for work in (WHOLE, SHORT):
                    measured = _measure(ours, work, server, seconds)
                    found.setdefault((work.name, name), []).append(measured)
    return found


def _measure(ours: Peer, work: Work, server: LiveServer, seconds: float) -> tuple[float, float]:
    """Answers a second, and microseconds of processor time for each."""
    before = cpu_seconds(server)
    result = load(ours, work, seconds=seconds)
    count = max(result["answers"], 1)
    return count / result["seconds"], 1e6 * (cpu_seconds(server) - before) / count
