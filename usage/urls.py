"""Routes below ``api/``."""

from django.urls import path

from usage import views

urlpatterns = [
    path("balance", views.balance),
    path("usage", views.Usage.as_view()),
    path("usage/requests", views.Requests.as_view()),
]
