"""Routes below ``oauth/``; ``oauth/success`` is a page of the client."""

from django.urls import path

from accounts.views import external

urlpatterns = [
    path("error", external.error),
    path("<str:provider>", external.begin),
    path("<str:provider>/callback", external.callback),
]
