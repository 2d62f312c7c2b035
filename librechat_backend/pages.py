"""Pages of our own: a chat, for a server without the LibreChat client, and what that client has no
page for: billing, and API keys with all their limits.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# Nothing from elsewhere, nothing inline; and no script may turn a text into markup.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


@require_safe
def chat(request: HttpRequest) -> HttpResponse:
    return _page(request, "chat/page.html")


@require_safe
def billing(request: HttpRequest) -> HttpResponse:
    return _page(request, "billing/page.html")


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    return _page(request, "keys/page.html", base_url=f"{settings.DOMAIN_SERVER}/v1")


def not_found(request: HttpRequest, path: str) -> HttpResponse:
    return _page(request, "chat/not_found.html", status=404)


def _page(
    request: HttpRequest, template: str, *, status: int = 200, **context: str
) -> HttpResponse:
    context = {"title": settings.APP_TITLE, **context}
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Frame-Options"] = "DENY"
    response["Cache-Control"] = "no-cache"
    return response
