"""The admin page of background tasks; and what only the whole house can do for a person."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from accounts.models import User
from accounts.user_admin import UserAdmin
from conversations.views.exports import archive_response
from librechat_backend import budget_admin as _budgets  # noqa: F401 - registers its page
from librechat_backend.lib.admin import ModelAdmin
from librechat_backend.lib.task_worker import run_again
from librechat_backend.models import BackgroundTask
from usage.reports import used_by
from usage.usd import dollars

STATES = {
    TaskResultStatus.READY: "waiting",
    TaskResultStatus.RUNNING: "running",
    TaskResultStatus.SUCCESSFUL: "done",
    TaskResultStatus.FAILED: "failed",
}

admin.site.unregister(User)
admin.site.unregister(DBTaskResult)  # the package's own page, in words of its own


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, state) for status, state in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(status=self.value()) if self.value() else queryset


@admin.register(BackgroundTask)
class BackgroundTaskAdmin(ModelAdmin[BackgroundTask]):
    list_display = ("__str__", "state", "attempts", "enqueued_at", "started_at", "finished_at")
    list_filter = (StateFilter,)
    search_fields = ("task_path",)
    ordering = ("-enqueued_at",)
    actions = ("run_again",)
    fields = readonly_fields = (
        "state", "attempts", "works_on", "enqueued_at", "started_at", "finished_at",
        "not_before", "what_went_wrong",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        """Deleting is for single tasks, after a look at them."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_change_permission(
        self, request: HttpRequest, obj: BackgroundTask | None = None
    ) -> bool:
        return False

    def has_run_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    @admin.display(ordering="status")
    def state(self, row: Any) -> str:
        return STATES[row.status]

    @admin.display
    def attempts(self, row: Any) -> int:
        return len(row.worker_ids)

    @admin.display(description="works on", empty_value="–")
    def works_on(self, row: Any) -> str:
        named = (f"{name}={value}" for name, value in row.args_kwargs["kwargs"].items())
        return ", ".join([*map(str, row.args_kwargs["args"]), *named])

    @admin.display(description="not before", empty_value="–")
    def not_before(self, row: Any) -> Any:
        is_planned = row.status == TaskResultStatus.READY and row.run_after != get_date_max()
        return row.run_after if is_planned else None

    @admin.display(description="what went wrong", empty_value="–")
    def what_went_wrong(self, row: Any) -> SafeString | None:
        return (
            format_html(
                '<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>',
                row.traceback,
            )
            if row.traceback
            else None
        )

    @admin.action(description="Run again", permissions=["run"])
    def run_again(self, request: HttpRequest, queryset: Any) -> None:
        """Of the chosen ones those that are over; the others are left alone."""
        for row in queryset.finished():
            self.log_change(request, row, "Run again.")
        messages.success(request, f"To be run again: {run_again(queryset)}.")


@admin.register(User)
class PersonAdmin(UserAdmin):
    """With what a person used, and the export of all they have: accounts know nothing of chats."""

    readonly_fields: ClassVar[Any] = (*UserAdmin.readonly_fields, "used")
    fieldsets: ClassVar[Any] = (*UserAdmin.fieldsets, ("Usage", {"fields": ("used",)}))
    actions: Any = (*UserAdmin.actions, "export_everything")

    @admin.display(description="last 30 days")
    def used(self, user: User) -> SafeString:
        found = used_by(user.pk, since=timezone.now() - timedelta(days=30))
        address = reverse("admin:usage_requestlog_changelist")
        return format_html(
            '<a class="underline" href="{}?user__id__exact={}">{} requests</a>, '
            "{} tokens in, {} tokens out, {}",
            address, user.pk, f"{found.requests:,}", f"{found.input_tokens:,}",
            f"{found.output_tokens:,}", dollars(found.cost_credits),
        )  # fmt: skip

    def has_export_everything_permission(self, request: HttpRequest) -> bool:
        """What people wrote is shown to nobody else."""
        return bool(request.user.is_superuser)

    @admin.action(description="Download everything, with chats", permissions=["export_everything"])
    def export_everything(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponseBase | None:
        people = list(queryset[:2])
        if len(people) != 1:
            messages.error(request, "Choose one person.")
            return None
        self.log_change(request, people[0], "Everything downloaded, with chats.")
        return archive_response(people[0])
