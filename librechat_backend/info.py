"""What this service is, for programs that find it at an address."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from librechat_backend.lib.rest import json_response


@require_safe
def info(request: HttpRequest) -> HttpResponse:
    server = settings.DOMAIN_SERVER
    return json_response(
        {
            "name": settings.APP_TITLE,
            "version": settings.VERSION,
            "api": f"{server}/v1",
            "openapi": f"{server}/v1/openapi.json",
            "health": f"{server}/health",
        }
    )
