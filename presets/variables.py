"""Variables in instructions: the date, and who is asking. Pure (contract 02 §9.2)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def fill_variables(text: str, *, user_name: str, moment: datetime, timezone: str) -> str:
    """Replace ``{{current_date}}`` and its kin (contract 02 §9.2)."""
    if "{{" not in text:
        return text
    local = moment.astimezone(_zone(timezone))
    values = {
        "{{current_date}}": f"{local:%Y-%m-%d (%A)}",
        "{{current_datetime}}": f"{local:%Y-%m-%d %H:%M:%S (%A)}",
        "{{iso_datetime}}": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
        "{{current_user}}": user_name,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
