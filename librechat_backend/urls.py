"""The complete URL map of Django's own handler; the hot routes are in ``lean_urls.py``."""

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from librechat_backend import pages, switched_off
from librechat_backend.lib.rest import json_response


def endpoint_not_found(request: HttpRequest, path: str = "") -> HttpResponse:
    """An unknown path is JSON, never the page: the client would read HTML as data."""
    return json_response({"message": "Endpoint not found"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponse("An unknown error occurred.", status=500, content_type="text/plain")


handler500 = server_error

urlpatterns = [
    path("admin/", site.urls),
    path("api/", include("accounts.urls")),
    path("api/", include("presets.urls")),
    path("api/", include("presets.api.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include(switched_off.urlpatterns)),
    re_path(r"^(?:api|v1|oauth|images)/(?P<path>[\s\S]*)$", endpoint_not_found),
    path("", pages.chat),
    re_path(r"^(?P<path>[\s\S]*)$", pages.not_found),
]
