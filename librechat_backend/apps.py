from django.apps import AppConfig


class LibreChatBackendConfig(AppConfig):
    name = "librechat_backend"

    def ready(self) -> None:
        from librechat_backend import checks  # noqa: F401 - registers the system checks
