"""Saved reports: added under a name, replaced under the same, removed by who saved them."""

from django.db.models import Q, QuerySet

from accounts.models import User
from librechat_backend.lib.json import JSONDict
from usage.models import SavedReport


def reports_for(user: User) -> QuerySet[SavedReport]:
    """One's own and those that others share."""
    shown = SavedReport.objects.filter(Q(user=user) | Q(is_shared=True))
    return shown.select_related("user")


def save_report(*, user: User, name: str, filters: JSONDict, is_shared: bool) -> SavedReport:
    given = {"filters": filters, "is_shared": is_shared}
    return SavedReport.objects.update_or_create(user=user, name=name, defaults=given)[0]


def remove_report(*, user: User, report_id: str) -> bool:
    """Whether there was one of ``user``."""
    return SavedReport.objects.filter(user=user, pk=report_id).delete()[0] > 0
