"""Generations: routes of coroutine views (contract 02 §1.4). Fixed names before ``{endpoint}``."""

from django.urls import path

from conversations import converters  # noqa: F401 - registers the types in the patterns
from conversations.views import chat

urlpatterns = [
    path("api/agents/chat/stream/<chat_id:conversation_id>", chat.stream),
    path("api/agents/chat/status/<chat_id:conversation_id>", chat.status),
    path("api/agents/chat/active", chat.active),
    path("api/agents/chat/abort", chat.abort),
    path("api/agents/chat/steer", chat.steer),
    path("api/agents/chat/steer/cancel", chat.steer_cancel),
    path("api/agents/chat/steer/arm", chat.steer_arm),
    path("api/agents/chat/resume", chat.resume),
    path("api/agents/chat/queued-turns", chat.queued_turns),
    path("api/agents/chat", chat.start),
    path("api/agents/chat/<path:endpoint>", chat.start),
    path("api/convos/gen_title/<chat_id:conversation_id>", chat.gen_title),
]
