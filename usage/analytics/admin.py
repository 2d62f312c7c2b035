"""The dashboard in the administration."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from accounts.models import User
from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.json import JSONDict
from usage.analytics import dashboard
from usage.analytics.csv_files import as_csv
from usage.analytics.forms import FilterForm
from usage.analytics.reading import Selection
from usage.analytics.saving import remove_report, reports_for, save_report
from usage.analytics.scope import groups_within
from usage.models import SavedReport, UsageDaily

_CACHE = "_groups_within"
_ADDRESS = "admin:usage_usagedaily_changelist"


class ReportForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SavedReport
        fields = ("name", "is_shared")


def within_of(request: HttpRequest) -> frozenset[int] | None:
    """As ``groups_within`` of who is signed in; asked once for each request."""
    if not hasattr(request, _CACHE):
        user = request.user
        setattr(request, _CACHE, groups_within(user) if isinstance(user, User) else frozenset())
    within: frozenset[int] | None = getattr(request, _CACHE)
    return within


class Viewable(ModelAdmin[Any]):
    """Looked at by those who may see all requests, and by managers of groups; changed by none."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        within = within_of(request)
        return within is None or bool(within)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(UsageDaily)
class UsageDailyAdmin(Viewable):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        own = [
            path("save", view(require_POST(self.save_report)), name="usage_report_save"),
            path("<str:report_id>/remove", view(require_POST(self.remove_report)),
                 name="usage_report_remove"),
        ]  # fmt: skip
        # The page of a single row would tell nobody anything.
        return [*own, *(each for each in super().get_urls() if each.name == _ADDRESS[6:])]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._require_view(request)
        asked = request.GET.dict()
        form = FilterForm(asked, within=within_of(request))
        selection = form.selection()
        if selection is not None and asked.get("csv"):
            return _csv_answer(selection, asked["csv"])
        context = {
            **self.admin_site.each_context(request),
            "title": "Analytics",
            "opts": self.opts,
            "form": form,
            "chosen": form.chosen(),
            "query": urlencode(form.chosen()),
            "reports": _reports(request),
            **(_figures(selection) if selection else {}),
        }
        return TemplateResponse(request, "usage/dashboard.html", context)

    def save_report(self, request: HttpRequest) -> HttpResponse:
        self._require_view(request)
        form = ReportForm(request.POST)
        filters = FilterForm(request.POST.dict(), within=within_of(request))
        if form.is_valid() and filters.selection() is not None:
            save_report(
                user=cast(User, request.user),
                name=form.cleaned_data["name"],
                filters=filters.chosen(),
                is_shared=form.cleaned_data["is_shared"],
            )
            messages.success(request, f"Saved as “{form.cleaned_data['name']}”.")
        else:
            messages.error(request, "A report needs a name, and filters that can be used.")
        return HttpResponseRedirect(f"{reverse(_ADDRESS)}?{urlencode(filters.chosen())}")

    def remove_report(self, request: HttpRequest, report_id: str) -> HttpResponse:
        self._require_view(request)
        if not remove_report(user=cast(User, request.user), report_id=report_id):
            raise PermissionDenied
        messages.success(request, "Removed.")
        return HttpResponseRedirect(reverse(_ADDRESS))

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _figures(selection: Selection) -> JSONDict:
    days = dashboard.read_days(selection)
    shown, tables = dashboard.shown_tables(selection)
    offered = {table.dimension: [row.key for row in table.rows if row.key] for table in tables}
    return {
        "selection": selection,
        "tiles": dashboard.tiles(selection, dashboard.total_of(days)),
        "charts": dashboard.charts(selection, days),
        "tables": [*shown, dashboard.days_table(selection, days)],
        "presets": offered["preset"],
        "models": offered["model"],
    }


def _reports(request: HttpRequest) -> list[tuple[SavedReport, str, bool]]:
    """Each with its address, and whether it is one's own."""
    return [
        (report, f"{reverse(_ADDRESS)}?{urlencode(report.filters)}", report.user == request.user)
        for report in reports_for(cast(User, request.user))
    ]


def _csv_answer(selection: Selection, name: str) -> HttpResponse:
    text = as_csv(selection, name)
    if text is None:
        return HttpResponse("There is no such table.", status=404, content_type="text/plain")
    file_name = f"usage-{name.removesuffix('_id')}-{selection.begin}-{selection.end}.csv"
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
