"""Relative to ``/api/``."""

from django.urls import path

from presets import views

urlpatterns = [
    path("config", views.config),
    path("banner", views.banner),
    path("endpoints", views.endpoints),
    path("endpoints/token-config", views.token_config),
    path("models", views.models),
    path("usage/limits", views.usage_limits),
    path("categories", views.categories),
    path("presets", views.PersonalPresets.as_view()),
    path("presets/delete", views.delete_personal_presets),
]
