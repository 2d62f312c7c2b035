"""Whether time tells who has an account: the share of pairs in which the known address is slower.

0.5 tells nothing. Beside each answer the requests that follow it are timed, because what an answer
leaves to the background takes its time from them. Both kinds of addresses are asked in random
order; each was asked before, so that no row of a limiter is new for one kind alone.
"""

import random
import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from typing import Any

from benchmarks.report import Row, figure, median
from benchmarks.setup import PASSWORD
from librechat_backend.lib import json
from tests.live import LiveServer, live_server
from tests.processes import start_mail_sink

ADDRESSES, SMOKE_ADDRESSES = 10, 2
ROUNDS, SMOKE_ROUNDS = 500, 3
FOLLOWING = 10
REST_SECONDS = 0.1  # for what one request leaves behind, so that the next one does not meet it
LIMITS = (
    "LOGIN_MAX", "REGISTER_MAX", "RESET_PASSWORD_MAX", "VERIFY_EMAIL_MAX",
    "VERIFY_EMAIL_SUBMISSION_MAX",
)  # fmt: skip


@dataclass
class Times:
    """Seconds, one for each time a kind of address was asked."""

    answer: list[float] = field(default_factory=list)
    next_request: list[float] = field(default_factory=list)
    following: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about an address; ``new`` makes one that nobody has."""

    name: str
    path: str
    known: Sequence[str]
    new: Callable[[], str]
    body: Callable[[str], dict[str, Any]]


def run(*, smoke: bool, **env: str) -> list[Row]:
    addresses, rounds = (SMOKE_ADDRESSES, SMOKE_ROUNDS) if smoke else (ADDRESSES, ROUNDS)
    with _server(env) as server:
        questions = _questions(server, addresses)
        asked = [(question, _ask(server, question, rounds)) for question in questions]
    return [row for question, times in asked for row in _rows(question.name, *times)]


@contextmanager
def _server(env: dict[str, str]) -> Iterator[LiveServer]:
    with start_mail_sink() as port:
        environment = {
            **dict.fromkeys(LIMITS, "1000000"),
            "ALLOW_PASSWORD_RESET": "true",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": port,
            "EMAIL_ENCRYPTION": "none",
            "EMAIL_FROM": "chat@example.com",
        }
        with live_server(env=environment | env) as server:
            yield server


def _questions(server: LiveServer, addresses: int) -> list[Question]:
    """About so many addresses of each kind."""
    known = [f"known{number}@example.com" for number in range(addresses)]
    unverified = [f"waits{number}@example.com" for number in range(addresses)]
    two_factor = [f"twice{number}@example.com" for number in range(addresses)]
    connection = HTTPConnection("127.0.0.1", server.port)
    server.create_user("first@example.com", PASSWORD)  # who registers first is no example
    for address in (*known, *unverified, *two_factor):
        _post(connection, "/api/auth/register", _registration(address))
    server.execute("UPDATE accounts_user SET email_verified = %s WHERE email NOT LIKE 'waits%%'", 1)
    server.execute("UPDATE accounts_user SET two_factor_enabled = %s WHERE email LIKE 'twice%%'", 1)
    nobody = [f"nobody{number}@example.com" for number in range(addresses)]
    numbers = count()

    def unknown() -> str:
        return random.choice(nobody)  # noqa: S311 - no secret

    def never_seen() -> str:
        return f"new{next(numbers)}@example.com"

    return [
        Question("reset", "/api/auth/requestPasswordReset", known, unknown, _address),
        Question("verification again", "/api/user/verify/resend", unverified, unknown, _address),
        Question("a wrong token", "/api/user/verify", unverified, unknown, _token),
        Question("wrong password", "/api/auth/login", known, unknown, _guess),
        Question("wrong password, 2FA", "/api/auth/login", two_factor, unknown, _guess),
        Question("registration", "/api/auth/register", known, never_seen, _registration),
    ]


def _address(email: str) -> dict[str, Any]:
    return {"email": email}


def _token(email: str) -> dict[str, Any]:
    return {"email": email, "token": "0" * 64}


def _guess(email: str) -> dict[str, Any]:
    return {"email": email, "password": "not the password"}


def _registration(email: str) -> dict[str, Any]:
    person = {"name": "Ada Lovelace", "email": email, "password": PASSWORD}
    return {**person, "confirm_password": PASSWORD}


def _ask(server: LiveServer, question: Question, rounds: int) -> tuple[Times, Times]:
    """Of known and of unknown addresses."""
    connection = HTTPConnection("127.0.0.1", server.port)
    known, unknown = Times(), Times()
    for address in (*question.known, *(question.new() for _ in range(3 * len(question.known)))):
        _time(connection, question, address, Times())
    for _ in range(rounds):
        pair = [(known, random.choice(question.known)), (unknown, question.new())]  # noqa: S311
        random.shuffle(pair)
        for times, address in pair:
            _time(connection, question, address, times)
    return known, unknown


def _time(connection: HTTPConnection, question: Question, address: str, times: Times) -> None:
    body = question.body(address)
    moments = [time.perf_counter()]
    _post(connection, question.path, body)
    moments.append(time.perf_counter())
    for _ in range(FOLLOWING):
        _send(connection, "GET", "/api/config")
        moments.append(time.perf_counter())
    times.answer.append(moments[1] - moments[0])
    times.next_request.append(moments[2] - moments[1])
    times.following.append(moments[-1] - moments[1])
    time.sleep(REST_SECONDS)


def _post(connection: HTTPConnection, path: str, body: dict[str, Any]) -> None:
    status = _send(connection, "POST", path, json.dumps(body))
    if status not in {200, 400, 404}:
        raise RuntimeError(f"{path}: {status}")


def _send(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> int:
    connection.request(method, path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _rows(name: str, known: Times, unknown: Times) -> list[Row]:
    return [
        _row(f"{name}: {what}", getattr(known, part), getattr(unknown, part))
        for what, part in (
            ("the answer", "answer"),
            ("the next request", "next_request"),
            (f"the next {FOLLOWING} requests", "following"),
        )
    ]


def _row(work: str, known: Sequence[float], unknown: Sequence[float]) -> Row:
    share, error = share_slower(known, unknown)
    return figure(
        f"{work}, n = {len(known)} each",
        f"{share:.3f} ± {1.96 * error:.3f} "
        f"({median(known) * 1000:.2f} / {median(unknown) * 1000:.2f} ms)",
    )


def share_slower(known: Sequence[float], unknown: Sequence[float]) -> tuple[float, float]:
    """P(known > unknown) + ½ P(equal), and its standard error (DeLong's)."""
    of_known = _placements(known, sorted(unknown))
    of_unknown = _placements(unknown, sorted(known))
    variance = statistics.variance(of_known) / len(known)
    variance += statistics.variance(of_unknown) / len(unknown)
    return statistics.fmean(of_known), variance**0.5


def _placements(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """For each value, the share of ``others`` (sorted) below it."""
    return [
        (bisect_left(others, value) + bisect_right(others, value)) / 2 / len(others)
        for value in values
    ]
