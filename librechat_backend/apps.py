from allauth.account.apps import AccountConfig
from allauth.socialaccount.apps import SocialAccountConfig
from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class LibreChatBackendConfig(AppConfig):
    name = "librechat_backend"
    verbose_name = "Operation"

    def ready(self) -> None:
        from librechat_backend import checks  # noqa: F401 - registers the system checks


class DevelopmentServerConfig(AppConfig):
    """daphne's runserver. Its own configuration loads all of daphne, 25 MB, into every process."""

    name = "daphne"


class AdminConfig(DjangoAdminConfig):
    default_site = "librechat_backend.admin_site.AdminSite"


class LibraryAccountConfig(AccountConfig):  # type: ignore[misc]
    """Needed by the next one; none of its pages are used, so it needs no middleware either."""

    def ready(self) -> None:
        pass


class IdentitiesConfig(SocialAccountConfig):  # type: ignore[misc]
    """Who is who at which provider. Providers are named by our own settings."""

    verbose_name = "External identities"

    def ready(self) -> None:
        pass
