"""Routes below ``api/``; those that carry bytes are in ``lean_urls.py``."""

from django.urls import path

from files.views import facts

urlpatterns = [
    path("files/config", facts.config),
    path("files/usage", facts.usage),
    path("files/agent/<str:agent_id>", facts.of_agent),
    path("files/<str:file_id>/preview", facts.preview),
]
