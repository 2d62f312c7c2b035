from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.test import RequestFactory
from pytest_django import Settings

from librechat_backend.lib.errors import TooManyRequests
from librechat_backend.lib.throttling import check, client_ip


def is_refused(identity: str = "me", scope: str = "test") -> bool:
    try:
        check(scope, identity, 3, 60, "Too many")
    except TooManyRequests:
        return True
    return False


def test_request_is_refused_when_the_limit_is_used_up() -> None:
    assert [is_refused() for _ in range(5)] == [False, False, False, True, True]
    assert not is_refused("you")
    assert not is_refused(scope="other")


def test_window_begins_with_the_first_request_and_is_not_extended(local_cache: None) -> None:
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
        assert not is_refused()


def test_exactly_the_limit_passes_when_requests_come_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(lambda _: is_refused(), range(40)))
    assert refused.count(False) == 3


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
