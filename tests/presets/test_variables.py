"""Variables in instructions."""

from datetime import UTC, datetime

import pytest

from presets.variables import fill_variables

MOMENT = datetime(2026, 1, 1, 23, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "timezone", "filled"),
    [
        ("plain", "", "plain"),
        ("{{current_date}}", "", "2026-01-01 (Thursday)"),
        ("{{current_date}}", "Europe/Vienna", "2026-01-02 (Friday)"),
        ("{{current_datetime}}", "America/New_York", "2026-01-01 18:30:05 (Thursday)"),
        ("{{iso_datetime}}", "Europe/Vienna", "2026-01-01T23:30:05.000Z"),
        ("{{current_user}}, {{current_user}}!", "", "Ada, Ada!"),
        ("{{unknown}} {{ current_user }}", "", "{{unknown}} {{ current_user }}"),
        ("{{current_date}}", "Mars/Olympus", "2026-01-01 (Thursday)"),
        ("{{current_date}}", "../../etc/passwd", "2026-01-01 (Thursday)"),
        ("{{current_date}}", "Europe", "2026-01-01 (Thursday)"),
        ("{{current_date}}", "Europe/Vi\x00enna", "2026-01-01 (Thursday)"),
        ("{{current_date}}", "x" * 5000, "2026-01-01 (Thursday)"),
    ],
)
def test_variables_are_filled(text: str, timezone: str, filled: str) -> None:
    assert fill_variables(text, user_name="Ada", moment=MOMENT, timezone=timezone) == filled
