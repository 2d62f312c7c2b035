"""The chat page of our own, for a server without the LibreChat client."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def chat(request: HttpRequest) -> HttpResponse:
    return render(request, "chat/page.html", {"title": settings.APP_TITLE})


def not_found(request: HttpRequest, path: str) -> HttpResponse:
    return render(request, "chat/not_found.html", {"title": settings.APP_TITLE}, status=404)
