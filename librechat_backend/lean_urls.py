"""The routes of the lean path. Everything else is in ``urls.py``."""

from django.urls import include, path

urlpatterns = [
    path("", include("conversations.chat_urls")),
    path("", include("conversations.portability_urls")),
    path("", include("conversations.speech_urls")),
    path("", include("files.lean_urls")),
    path("", include("conversations.share_file_urls")),
]
