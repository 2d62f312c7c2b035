"""Forms of the admin that nobody typed."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.factories import AdminFactory
from tests.presets.admin_pages import errors_of, signed_in, submit, typed

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> Client:
    return signed_in(AdminFactory.create())


@pytest.mark.parametrize(
    ("page", "field"),
    [("providers/channel", "groups"), ("usage/ratelimit", "group"), ("usage/budget", "group"),
     ("usage/budget", "person"), ("usage/balance", "user")],
)  # fmt: skip
@pytest.mark.parametrize("value", ["null", "9" * 30, "9" * 5000, "a\0b", "-1", "x" * 300])
def test_what_is_no_row_is_refused(
    administrator: Client, page: str, field: str, value: str
) -> None:
    answer = submit(administrator, f"/admin/{page}/add/", **{field: value})
    assert field in errors_of(answer)


def test_what_was_chosen_is_shown_again(administrator: Client, alice: User) -> None:
    answer = submit(administrator, "/admin/usage/ratelimit/add/", user=alice.pk)
    assert f'<option value="{alice.pk}" selected' in answer.content.decode()


@pytest.mark.parametrize("count", ["2000", str(2**63)])
def test_tables_hold_no_more_new_rows_than_people_type(administrator: Client, count: str) -> None:
    """A form of each of 2,000 took half a minute."""
    url = "/admin/presets/preset/add/"
    page: Any = administrator.get(url)
    answer = administrator.post(url, typed(page, **{"assignments-TOTAL_FORMS": count}))
    tables = [each.formset for each in answer.context["inline_admin_formsets"]]
    assert [table.non_form_errors() for table in tables] == [["Please submit at most 100 forms."]]
    assert all(len(table.forms) <= 100 for table in tables)


@pytest.mark.parametrize(
    ("page", "field"),
    [("presets/preset/what-if/", "change1-person"), ("providers/channel/add/", "model_names")],
)
def test_nul_is_taken_out(administrator: Client, page: str, field: str) -> None:
    answer = submit(administrator, f"/admin/{page}", **{field: "a\0b"})
    assert "ab" in answer.content.decode()


@pytest.mark.parametrize(
    ("page", "field"),
    [("billing/plan", "credits"), ("billing/voucher", "credits"),
     ("usage/balance", "refill_credits"),
     ("usage/billingrules", "start_credits"), ("usage/billingrules", "refill_credits")],
)  # fmt: skip
def test_credits_have_a_maximum(administrator: Client, page: str, field: str) -> None:
    """Two vouchers of the most a column holds were one too many for a balance."""
    url = f"/admin/{page}/add/"
    message = "Ensure this value is less than or equal to 1000000000000000."
    answer = submit(administrator, url, **{field: str(10**15 + 1)})
    assert errors_of(answer)[field] == [message]


@pytest.mark.parametrize("field", ["input", "output", "cache_read", "request"])
def test_prices_have_a_maximum(administrator: Client, field: str) -> None:
    answer = submit(administrator, "/admin/usage/price/add/", **{field: "1000000.000001"})
    assert errors_of(answer)[field] == ["Ensure this value is less than or equal to 1000000."]
