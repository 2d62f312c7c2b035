"""Vouchers: once per person, as many people as was said."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from billing.models import Voucher
from billing.services.vouchers import create_vouchers
from tests.billing.stripe_messages import balance_of
from tests.billing.test_paying import post
from tests.conftest import ClientFor
from tests.factories import UserFactory


def voucher(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "count": 1,
        "credits": 1000,
        "uses": 1,
        "expires_at": None,
        "note": "",
    }
    return create_vouchers(**fields | changes)[0]


def redeem(client_for: ClientFor, user: User, code: Any) -> int:
    return int(post(client_for(user), "vouchers/redeem", {"code": code}).status_code)


@pytest.mark.parametrize("spelled", [str, str.lower, lambda code: code.replace("-", " ")])
def test_voucher_is_redeemed_however_it_is_typed(
    alice: User, client_for: ClientFor, spelled: Any
) -> None:
    assert redeem(client_for, alice, spelled(voucher())) == 200
    assert balance_of(alice) == 1000


def test_voucher_is_redeemed_once_by_each_person(
    alice: User, bob: User, charlie: User, client_for: ClientFor
) -> None:
    code = voucher(uses=2)
    people = [alice, alice, bob, charlie]
    assert [redeem(client_for, user, code) for user in people] == [200, 409, 200, 404]
    assert [balance_of(user) for user in (alice, bob, charlie)] == [1000, 1000, 0]


def test_voucher_is_refused_when_it_is_over_or_switched_off(
    alice: User, client_for: ClientFor
) -> None:
    over = voucher(expires_at=timezone.now() - timedelta(seconds=1))
    off = voucher()
    Voucher.objects.filter(expires_at=None).update(is_active=False)
    assert [redeem(client_for, alice, code) for code in (over, off)] == [404, 404]
    assert balance_of(alice) == 0


@pytest.mark.parametrize("code", ["", "AAAA-BBBB", None, 7, "x" * 200, "\x00", "é"])
def test_what_is_no_voucher_is_refused(alice: User, client_for: ClientFor, code: Any) -> None:
    assert redeem(client_for, alice, code) in (400, 404)


def test_guessing_is_limited(alice: User, client_for: ClientFor, settings: Settings) -> None:
    settings.VOUCHER_MAX = 2
    assert [redeem(client_for, alice, "AAAA") for _ in range(3)] == [404, 404, 429]


@pytest.mark.django_db(transaction=True)
def test_voucher_for_one_goes_to_one_of_many_at_once(client_for: ClientFor) -> None:
    code, people = voucher(), [UserFactory.create() for _ in range(6)]

    def redeemed(user: User) -> int:
        try:
            return redeem(client_for, user, code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(redeemed, people))
    assert statuses.count(200) == 1
    assert sum(balance_of(user) for user in people) == 1000


def test_code_is_not_stored() -> None:
    code = voucher()
    row = Voucher.objects.get()
    assert code.replace("-", "") not in row.code_hash
    assert len(row.prefix) == 4
