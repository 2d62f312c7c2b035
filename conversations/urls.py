"""Paths below /api."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from conversations.views import conversations, copies, messages


class ChatIdConverter(StringConverter):
    """Any id without NUL, which PostgreSQL cannot even compare."""

    regex = "[^/\x00]+"


register_converter(ChatIdConverter, "chat_id")

urlpatterns = [
    path("convos", conversations.ConversationsView.as_view()),
    path("convos/all", conversations.AllConversationsView.as_view()),
    path("convos/update", conversations.RenameView.as_view()),
    path("convos/archive", conversations.ArchiveView.as_view()),
    path("convos/archive/all", conversations.ArchiveAllView.as_view()),
    path("convos/pin", conversations.PinView.as_view()),
    path("convos/fork", copies.ForkView.as_view()),
    path("convos/duplicate", copies.DuplicateView.as_view()),
    path("convos/<chat_id:conversation_id>", conversations.ConversationView.as_view()),
    path("messages", messages.MessageSearchView.as_view()),
    path("messages/branch", messages.BranchView.as_view()),
    path("messages/artifact/<chat_id:message_id>", messages.ArtifactView.as_view()),
    path("messages/<chat_id:conversation_id>", messages.MessagesView.as_view()),
    path("messages/<chat_id:conversation_id>/<chat_id:message_id>", messages.MessageView.as_view()),
    path(
        "messages/<chat_id:conversation_id>/<chat_id:message_id>/feedback",
        messages.FeedbackView.as_view(),
    ),
]
