"""Announcements above the chat."""

from django.contrib import admin
from django.http import HttpRequest

from librechat_backend.lib.admin import ModelAdmin, ModelForm
from presets.banners import id_of_text
from presets.models import Banner


@admin.register(Banner)
class BannerAdmin(ModelAdmin[Banner]):
    list_display = ("__str__", "kind", "display_from", "display_to", "is_public", "is_persistent")
    fields = ("message", "kind", "display_from", "display_to", "is_public", "is_persistent")

    def save_model(
        self, request: HttpRequest, obj: Banner, form: ModelForm[Banner], change: bool
    ) -> None:
        """Who has closed the old text sees the new one."""
        if "message" in form.changed_data:
            obj.banner_id = id_of_text(obj.message)
        super().save_model(request, obj, form, change)
