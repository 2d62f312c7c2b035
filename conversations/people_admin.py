"""The admin page of what each person keeps, and its removal."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone

from conversations.holdings import holdings_of
from conversations.models import Conversation, Message, Person
from conversations.querysets import ConversationQuerySet
from conversations.services.conversations import delete_conversations
from librechat_backend.lib import admin as theme

DAYS_MAX = 36_500


class RemovalForm(forms.Form):
    """What is to go; ``email`` is typed again, so that nobody removes the wrong person's chats."""

    older_than_days = forms.IntegerField(
        label="Only chats nobody has touched for this many days",
        help_text="Empty: all chats, archived and temporary ones too.",
        required=False,
        min_value=1,
        max_value=DAYS_MAX,
        widget=theme.NumberInput(),
    )
    email = forms.CharField(
        label="The person's e-mail address, to confirm", required=False, widget=theme.TextInput()
    )


@admin.register(Person)
class PersonAdmin(theme.ModelAdmin[Person]):
    list_display = ("email", "name", "chats_kept", "messages_kept")
    search_fields = ("email", "name")
    ordering = ("email",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                chats=_counted(Conversation.objects.filter(user=OuterRef("pk"))),
                messages=_counted(Message.objects.filter(user=OuterRef("pk"))),
            )
        )

    @admin.display(description="chats")
    def chats_kept(self, person: Any) -> int:
        return int(person.chats)

    @admin.display(description="messages")
    def messages_kept(self, person: Any) -> int:
        return int(person.messages)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.person_view)
        name = "conversations_person_change"
        return [path("<str:object_id>/change/", view, name=name), *super().get_urls()]

    def person_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the person keeps; a POST shows what would go, and with the address removes it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        person = get_object_or_404(Person, pk=object_id)
        form = RemovalForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._page(request, person, form)
        chosen = _chosen(person, form.cleaned_data["older_than_days"])
        email = form.cleaned_data["email"]
        if email.strip().lower() == person.email.lower():
            return _remove(request, person, chosen)
        return self._page(request, person, form, going=_going(chosen), is_wrong=bool(email))

    def _page(
        self,
        request: HttpRequest,
        person: Person,
        form: RemovalForm,
        *,
        going: dict[str, int] | None = None,
        is_wrong: bool = False,
    ) -> HttpResponse:
        """``going``: what would be removed; ``is_wrong``: another address was typed."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Chats of {person.email}",
            "person": person,
            "holdings": holdings_of(person),
            "form": form,
            "going": going,
            "is_wrong": is_wrong,
            "opts": Person._meta,
        }
        return render(request, "admin/person_chats.html", context)


def _counted(rows: QuerySet[Any]) -> Coalesce:
    counts = rows.order_by().values("user").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts), 0)


def _chosen(person: Person, older_than_days: int | None) -> ConversationQuerySet:
    chats = Conversation.objects.owned_by(person)
    if older_than_days is None:
        return chats
    return chats.filter(updated_at__lt=timezone.now() - timedelta(days=older_than_days))


def _going(chats: ConversationQuerySet) -> dict[str, int]:
    messages_going = Message.objects.filter(conversation__in=chats.order_by())
    return {"chats": chats.count(), "messages": messages_going.count()}


def _remove(request: HttpRequest, person: Person, chats: ConversationQuerySet) -> HttpResponse:
    gone = delete_conversations(chats)
    text = f"Removed {len(gone.conversation_ids)} chats with {gone.message_count} messages."
    messages.success(request, text)
    return redirect("admin:conversations_person_change", person.pk)
