"""The routes of the lean path. Everything else is in ``urls.py``."""

from django.urls import include, path

urlpatterns = [
    path("", include("conversations.chat_urls")),
]
