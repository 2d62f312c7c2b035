"""The admin page of answers: which are being written, for whom, and how to stop them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from conversations.chat import control
from conversations.models import Generation
from librechat_backend.lib.admin import ModelAdmin

STOP = "_stop"
RUNNING = Generation.Status.RUNNING


class StatusFilter(admin.SimpleListFilter):
    """What is being written now, unless something else is asked for."""

    title = parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [*Generation.Status.choices, ("all", "all")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Generation]
    ) -> QuerySet[Generation]:
        return queryset if self._chosen() == "all" else queryset.filter(status=self._chosen())

    def choices(self, changelist: Any) -> Any:
        for value, title in self.lookup_choices:
            yield {
                "selected": self._chosen() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": str(title).capitalize(),
            }

    def _chosen(self) -> str:
        return self.value() or RUNNING


@admin.register(Generation)
class GenerationAdmin(ModelAdmin[Generation]):
    list_display = (
        "user", "model", "endpoint", "preset", "moved", "since", "status", "stop_button",
    )  # fmt: skip
    list_display_links = None
    list_filter = (StatusFilter, "endpoint")
    list_select_related = ("user",)
    search_fields = ("user__email", "model")
    show_full_result_count = False
    actions = ("stop",)

    @admin.display(description="preset", empty_value="–")
    def preset(self, generation: Generation) -> str | None:
        return generation.turn.get("preset") or None

    @admin.display(description="moved to bounds", empty_value="–")
    def moved(self, generation: Generation) -> str | None:
        """What was asked for and lay outside the preset's bounds."""
        asked = generation.turn.get("moved") or {}
        return ", ".join(f"{name} {value:g}" for name, value in asked.items()) or None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        """Its conversation holds on to it."""
        return False

    @admin.display(ordering="created_at")
    def since(self, generation: Generation) -> datetime:
        return generation.created_at

    @admin.display(description="")
    def stop_button(self, generation: Generation) -> SafeString | str:
        if generation.status != RUNNING:
            return ""
        return format_html(
            '<button type="submit" name="{}" value="{}" class="bg-primary-600 cursor-pointer '
            'font-medium px-3 py-1 rounded-default text-white" '
            'aria-label="Stop the answer for {}">Stop</button>',
            STOP, generation.pk, generation.user,
        )  # fmt: skip

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        chosen = request.POST.get(STOP)
        if chosen and self.has_change_permission(request):
            self.stop(request, Generation.objects.filter(pk=chosen))
            return redirect(request.get_full_path())
        title = {"title": "Answers", "subtitle": None}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    @admin.action(description="Stop", permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Generation]) -> None:
        """Asks the process that writes; what was written until then is kept."""
        running = list(queryset.filter(status=RUNNING))
        for generation in running:
            async_to_sync(control.ask_to_abort)(generation)
            self.log_change(request, generation, "Stopped.")
        messages.success(request, f"Stopped: {len(running)}. What was written so far is kept.")

    def get_readonly_fields(self, request: HttpRequest, obj: Generation | None = None) -> Any:
        return [field.name for field in Generation._meta.fields if field.name != "turn"]

    def get_fields(self, request: HttpRequest, obj: Generation | None = None) -> Any:
        return self.get_readonly_fields(request, obj)
