"""The complete URL map of Django's own handler; the hot routes are in ``lean_urls.py``."""

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from librechat_backend import pages, switched_off
from librechat_backend.info import info
from librechat_backend.lib.rest import json_response


def endpoint_not_found(request: HttpRequest, path: str = "") -> HttpResponse:
    """An unknown path is JSON, never the page: the client would read HTML as data."""
    return json_response({"message": "Endpoint not found"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponse("An unknown error occurred.", status=500, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view: a query of thousands of members, for one."""
    return json_response({"error": "Bad request"}, status=400)


handler400 = bad_request
handler500 = server_error

urlpatterns = [
    # No id and no name has a NUL, and PostgreSQL can be asked for none.
    re_path(r"^(?P<path>[\s\S]*\x00[\s\S]*)$", endpoint_not_found),
    path("admin/", site.urls),
    path("api/info", info),
    path("api/", include("accounts.urls")),
    path("api/", include("billing.urls")),
    path("api/", include("presets.urls")),
    path("api/", include("presets.api.urls")),
    path("api/", include("conversations.urls")),
    path("api/", include("files.urls")),
    path("api/", include("gateway.urls")),
    path("api/", include("usage.urls")),
    path("api/", include(switched_off.urlpatterns)),
    path("oauth/", include("accounts.oauth_urls")),
    re_path(r"^(?:api|v1|oauth|images)/(?P<path>[\s\S]*)$", endpoint_not_found),
    path("billing", pages.billing),
    path("keys", pages.keys),
    path("", pages.chat),
    re_path(r"^(?P<path>[\s\S]*)$", pages.not_found),
]
