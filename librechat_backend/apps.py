from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class LibreChatBackendConfig(AppConfig):
    name = "librechat_backend"

    def ready(self) -> None:
        from librechat_backend import checks  # noqa: F401 - registers the system checks


class AdminConfig(DjangoAdminConfig):
    default_site = "librechat_backend.admin_site.AdminSite"
