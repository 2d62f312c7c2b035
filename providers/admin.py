"""The admin pages of channels: where models come from."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from librechat_backend.lib.admin import ModelAdmin, TabularInline
from providers import client, services
from providers.errors import ProviderError
from providers.forms import ChannelForm, ChannelKeyForm, ModelAliasForm
from providers.guard import told
from providers.models import Channel, ChannelKey, ModelAlias, NameRule
from providers.registry import SERVICES
from providers.route_table import ChannelSnapshot
from providers.snapshots import snapshot_of


class ChannelKeyInline(TabularInline[ChannelKey, Channel]):
    model = ChannelKey
    form = ChannelKeyForm
    verbose_name = "key"
    verbose_name_plural = "keys"
    extra = 0
    fields = ("label", "secret", "shown_hint", "is_active")
    readonly_fields = ("shown_hint",)

    @admin.display(description="stored key")
    def shown_hint(self, key: ChannelKey) -> str:
        return f"…{key.hint}" if key.encrypted else "-"

    def get_extra(self, request: HttpRequest, obj: Channel | None = None, **kwargs: Any) -> int:
        return 0 if obj and obj.keys.exists() else 1


@admin.register(Channel)
class ChannelAdmin(ModelAdmin[Channel]):
    form = ChannelForm
    inlines = (ChannelKeyInline,)
    list_display = (
        "name", "service", "shown_as", "models_listed", "for_whom", "health", "is_active",
        "priority",
    )  # fmt: skip
    list_editable = ("is_active", "priority")
    list_filter = ("is_active", "kind")
    search_fields = ("name", "endpoint", "base_url")
    actions = ("test_selected", "switch_on", "switch_off")
    autocomplete_fields = ("groups",)
    change_form_outer_before_template = "providers/channel_buttons.html"
    fieldsets = (
        (
            None,
            {
                "fields": ("name", "kind", "is_active", "base_url", "model_names"),
                "description": "Most channels need these and a key, which is asked for at the "
                "end of this page. “Test” in the list of channels says whether it answers.",
            },
        ),
        (
            "In the menu",
            {"fields": ("endpoint", "menu_label", "icon_url", "menu_order", "model_mapping")},
        ),
        ("Several channels for the same model", {"fields": ("priority", "weight")}),
        ("Who may use it", {"fields": ("is_for_everyone", "groups", "rollout_percent")}),
        (
            "Limits of this channel",
            {
                "fields": ("requests_per_minute", "tokens_per_minute", "parallel_requests"),
                "description": "Of all people together. Leave empty what is not limited.",
            },
        ),
        (
            "Details",
            {
                "classes": ("collapse",),
                "fields": (
                    "title_model", "options", "parameter_overrides", "headers", "relay_url",
                    "relay_key", "connect_timeout_seconds", "first_event_timeout_seconds",
                    "idle_timeout_seconds",
                ),
            },
        ),
    )  # fmt: skip

    @admin.display(ordering="kind")
    def service(self, channel: Channel) -> str:
        known = SERVICES.get(channel.kind)
        return known.label if known else channel.kind

    @admin.display(description="shown as")
    def shown_as(self, channel: Channel) -> str:
        known = SERVICES.get(channel.kind)
        return channel.endpoint or (known.endpoint if known else "")

    @admin.display(description="models")
    def models_listed(self, channel: Channel) -> str:
        return str(len(channel.model_names)) if channel.model_names else "usual ones"

    @admin.display(description="for")
    def for_whom(self, channel: Channel) -> str:
        groups = ", ".join(group.name for group in channel.groups.all()) or "nobody"
        people = "everyone" if channel.is_for_everyone else groups
        share = channel.rollout_percent
        return people if share == 100 else f"{share} % of {people}"

    @admin.display(description="health")
    def health(self, channel: Channel) -> str:
        count = getattr(channel, "resting_count", 0)
        keys = f"{count} keys rest" if count != 1 else "1 key rests"
        return f"{keys}: {getattr(channel, 'resting_message', '')}" if count else "well"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        rows: QuerySet[Channel] = Channel.objects.with_health().prefetch_related("groups")
        return rows.order_by("-priority", "name")

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._switch(queryset, is_active=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._switch(queryset, is_active=False)

    def _switch(self, queryset: QuerySet[Channel], *, is_active: bool) -> None:
        for channel in queryset:
            channel.is_active = is_active
            services.save_channel(channel=channel)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        services.save_channel(channel=obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        # Whoever saves has changed something: what rested is tried again at once.
        services.end_rest(channel_id=form.instance.pk)
        _usable(request, form.instance)

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        services.delete_channel(channel=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        for channel in queryset:
            services.delete_channel(channel=channel)

    @admin.action(description="Test", permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        for channel in queryset:
            _test(request, channel)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"<str:object_id>/{name}/",
                self.admin_site.admin_view(partial(self.run_button, button=button)),
                name=f"providers_channel_{name}",
            )
            for name, button in (("test", _test), ("fetch_models", _fetch_models))
        ] + super().get_urls()

    @method_decorator(require_POST)
    def run_button(self, request: HttpRequest, object_id: str, *, button: Any) -> HttpResponse:
        channel = get_object_or_404(Channel, pk=object_id)
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        button(request, channel)
        return redirect("admin:providers_channel_change", channel.pk)


def _test(request: HttpRequest, channel: Channel) -> None:
    snapshot = _usable(request, channel)
    for check in client.run_apart(client.test_channel(snapshot)) if snapshot else ():
        with_key = f" with key {check.key.id[-6:]}" if len(channel.keys.all()) > 1 else ""
        about = f"{channel.name}: {check.model}{with_key}"
        if check.error:
            messages.error(request, f"{about} failed. {told(check.error)}")
        else:
            messages.success(request, f"{about} answered in {check.seconds:.1f} seconds.")


def _fetch_models(request: HttpRequest, channel: Channel) -> None:
    snapshot = _usable(request, channel)
    if snapshot is None:
        return
    try:
        names = client.run_apart(client.fetch_models(snapshot))
    except ProviderError as error:
        messages.error(request, f"{channel.name}: {told(error)}")
        return
    services.set_models(channel=channel, names=names)
    messages.success(request, f"{channel.name}: {len(names)} models. Remove those you do not want.")


def _usable(request: HttpRequest, channel: Channel) -> ChannelSnapshot | None:
    snapshot = snapshot_of(channel)
    if snapshot is None:
        messages.warning(request, f"{channel.name} has no usable key.")
    return snapshot


class RouteAdmin(ModelAdmin[Any]):
    """Rows that every process keeps in memory, so changes go through the services."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_route(row=obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.delete_route(row=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            services.delete_route(row=row)


@admin.register(ModelAlias)
class ModelAliasAdmin(RouteAdmin):
    form = ModelAliasForm
    list_display = ("name", "target", "hard_target", "falls_back_to", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "target", "hard_target")
    fieldsets = (
        (None, {"fields": ("name", "target", "description", "is_active")}),
        (
            "Easy and hard questions",
            {
                "fields": ("hard_target",),
                "description": "A question is hard when it is very long, holds code or formulas, "
                "comes with tools, asks for long thinking, or shows two of: long, several parts, "
                "several questions, pictures, a long conversation. The log of requests says how "
                "each was decided.",
            },
        ),
        (
            "Instead of it",
            {"fields": ("fallbacks", "fallbacks_if_too_long", "fallbacks_if_filtered")},
        ),
    )

    @admin.display(description="when it fails")
    def falls_back_to(self, alias: ModelAlias) -> str:
        return ", ".join(alias.fallbacks)


@admin.register(NameRule)
class NameRuleAdmin(RouteAdmin):
    list_display = ("pattern", "channel", "order", "is_active")
    list_filter = ("is_active", "channel")
    search_fields = ("pattern",)
