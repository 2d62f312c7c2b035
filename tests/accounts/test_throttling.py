from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import time_machine
from django.db import connection
from django.test import RequestFactory
from pytest_django import Settings

from librechat_backend.lib.errors import TooManyRequests
from librechat_backend.lib.throttling import check, client_ip
from librechat_backend.models import Window
from tests.live import LiveServer, free_port, live_server


def is_refused(identity: str = "me", scope: str = "test") -> bool:
    try:
        check(scope, identity, 3, 60, "Too many")
    except TooManyRequests:
        return True
    return False


@pytest.fixture(params=["cache", "database"])
def place(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Where requests are counted; the database is that of an installation without Redis."""
    settings.LIMITS_IN_DATABASE = request.param == "database"
    return str(request.param)


@pytest.mark.django_db
def test_request_is_refused_when_the_limit_is_used_up(place: str) -> None:
    assert [is_refused() for _ in range(5)] == [False, False, False, True, True]
    assert not is_refused("you")
    assert not is_refused(scope="other")


@pytest.mark.django_db
def test_window_begins_with_the_first_request_and_is_not_extended(
    place: str, local_cache: None
) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        assert [is_refused() for _ in range(4)][-1]
        clock.shift(59)
        with pytest.raises(TooManyRequests) as caught:
            check("test", "me", 3, 60, "Too many")
        assert caught.value.headers == {
            "X-RateLimit-Limit": "3",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1800000060",
            "Retry-After": "1",
        }
        assert caught.value.body() == {"message": "Too many"}
        clock.shift(2)
        assert [is_refused() for _ in range(4)] == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_exactly_the_limit_passes_when_requests_come_at_once(place: str) -> None:
    def attempt(_: int) -> bool:
        try:
            return is_refused()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(attempt, range(40)))
    assert refused.count(False) == 3


@pytest.mark.django_db
def test_rows_go_when_their_window_is_over(settings: Settings) -> None:
    settings.LIMITS_IN_DATABASE = True
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for number in range(3):
            is_refused(f"{number}" * 300)
        clock.shift(61)
        is_refused("me")
    assert [row.key for row in Window.objects.all()] == ["throttle:test:me"]


def test_processes_count_together_and_a_restart_forgets_nothing() -> None:
    """Two servers on one database, and no Redis unless the suite has one."""
    few = {"LOGIN_MAX": "3"}
    with live_server(env=few) as server:
        twin = LiveServer(env=few, data_dir=server.data_dir, port=free_port())
        twin.env["DATABASE_URL"] = server.env.get("DATABASE_URL", "")
        twin.start()
        try:
            statuses = [attempt_login(each) for each in (server, twin, server, twin, server)]
            assert statuses == [404, 404, 404, 429, 429]
            twin.restart()
            assert attempt_login(twin) == 429
        finally:
            twin.close()


def attempt_login(server: LiveServer) -> int:
    credentials = {"email": "nobody@example.com", "password": "wrong password"}
    answer = httpx.post(f"{server.base_url}/api/auth/login", json=credentials, timeout=30)
    return answer.status_code


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        (1, "127.0.0.1", "203.0.113.7", "203.0.113.7"),
        (1, "127.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, "10.0.0.2", "6.6.6.6, 203.0.113.7, 10.0.0.3", "203.0.113.7"),
        (2, "10.0.0.2", "203.0.113.7", "203.0.113.7"),
        (1, "", "203.0.113.7", "203.0.113.7"),
        (1, "::1", "2001:DB8::1", "2001:db8::1"),
        (1, "::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        (0, "127.0.0.1", "203.0.113.7", "127.0.0.1"),
        (1, "8.8.8.8", "203.0.113.7", "8.8.8.8"),
        (1, "127.0.0.1", "nonsense", "127.0.0.1"),
        (1, "127.0.0.1", "", "127.0.0.1"),
        (1, "nonsense", "203.0.113.7", "0.0.0.0"),  # noqa: S104
    ],
)
def test_address_is_the_one_our_proxy_saw(
    rf: RequestFactory, settings: Settings, trusted: int, peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUST_PROXY = trusted
    request = rf.get("/", REMOTE_ADDR=peer, headers={"x-forwarded-for": forwarded})
    assert client_ip(request) == expected
