"""What the dashboard is asked for."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms

from accounts.models import Group
from librechat_backend.lib.admin import Select, TextInput
from usage.analytics.reading import Selection
from usage.models import RequestLog

RANGES = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
DEFAULT_RANGE = "30d"
LONGEST_DAYS = 731
RANGE_CHOICES = [
    ("today", "Today"), ("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"),
    ("custom", "From … to …"),
]  # fmt: skip


class _Day(forms.DateInput):
    input_type = "date"


def _day(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=_Day(format="%Y-%m-%d"))


class FilterForm(forms.Form):
    """Days are UTC's. ``within``: see reading.Selection."""

    range = forms.ChoiceField(choices=RANGE_CHOICES, required=False, widget=Select)
    begin, end = _day("From"), _day("To")
    group = forms.TypedChoiceField(coerce=int, empty_value=None, required=False, widget=Select)
    preset = forms.CharField(required=False, max_length=200, widget=TextInput)
    model = forms.CharField(required=False, max_length=200, widget=TextInput)
    face = forms.ChoiceField(
        label="By way of",
        required=False,
        choices=[("", "All"), *RequestLog.Face.choices],
        widget=Select,
    )

    def __init__(self, data: Mapping[str, Any], *, within: frozenset[int] | None) -> None:
        super().__init__({"range": DEFAULT_RANGE, **data})
        self._within = within
        groups = Group.objects.order_by("name")
        if within is not None:
            groups = groups.filter(pk__in=within)
        names = groups.values_list("pk", "name")
        self.fields["group"].choices = [("", "All"), *names]  # type: ignore[attr-defined]
        for name in ("preset", "model"):
            self.fields[name].widget.attrs |= {"list": f"{name}s", "placeholder": "All"}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        begin, end = given.get("begin"), given.get("end")
        if given.get("range") == "custom" and not self.errors:
            if not begin or not end or begin > end:
                raise forms.ValidationError("Say from which day to which later one.")
            if (end - begin).days >= LONGEST_DAYS:
                raise forms.ValidationError("Two years at most.")
        return given

    def selection(self) -> Selection | None:
        """None: what was asked for is wrong, and the errors say so."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        begin, end = _days(given)
        return Selection(
            begin=begin,
            end=end,
            face=given["face"],
            preset=given["preset"],
            model=given["model"],
            group=given["group"],
            within=self._within,
        )

    def chosen(self) -> dict[str, str]:
        """What was chosen, for an address or a saved report. Ranges that move stay so."""
        is_custom = self.data["range"] == "custom"
        names = [*self.fields] if is_custom else [n for n in self.fields if n not in _DAYS]
        return {name: str(self.data[name]) for name in names if self.data.get(name)}


_DAYS = ("begin", "end")


def _days(given: Mapping[str, Any]) -> tuple[date, date]:
    if given["range"] == "custom":
        return given["begin"], given["end"]
    today = datetime.now(UTC).date()
    count = RANGES.get(given["range"], RANGES[DEFAULT_RANGE])
    return today - timedelta(days=count - 1), today
