"""Chats as whole files, in and out: routes of coroutine views."""

from django.urls import path

from conversations.views import exports, imports

urlpatterns = [
    path("api/convos/import", imports.chat_imports),
    path("api/export", exports.export),
]
