"""The end of an account (contract 01 §4.10).

Everything a person has hangs on their row and goes with it; what names them elsewhere is listed
here. Answers being written stop at the next heartbeat of their process.
"""

import re

import structlog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, OperationalError, connection
from django.db.models import Q

from accounts.models import Invitation, User
from accounts.models.stamp import changing_rules
from accounts.models.user import ROLE_ADMIN
from accounts.proof import Proof
from accounts.services.access import forget_resources
from accounts.services.bans import require_not_banned
from accounts.services.roles import lock_administrators
from accounts.services.two_factor import require_proof
from accounts.shareable import shareables
from librechat_backend.lib.errors import Forbidden

ATTEMPTS = 5

# Stands for the person in the log of the administration.
DELETED = "(deleted account)"

log = structlog.get_logger(__name__)


def delete_own_account(*, user: User, proof: Proof) -> None:
    """Raises Forbidden, Banned, InvalidRequest and WrongProof for the second factor."""
    if not may_delete_account(user):
        raise Forbidden("You do not have permission to delete this account")
    require_not_banned(user=user)  # a ban does not end with the account
    if user.two_factor_enabled:
        require_proof(user=user, proof=proof)
    delete_account(user=user)


def may_delete_account(user: User) -> bool:
    return settings.ALLOW_ACCOUNT_DELETION or user.role == ROLE_ADMIN


def delete_account(*, user: User) -> None:
    """Raises Forbidden for the last administrator.

    What other requests of the person write meanwhile is found when it is tried again.
    """
    user_id = user.pk
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _delete(user_id)
        except (IntegrityError, OperationalError):
            if attempt == ATTEMPTS or connection.in_atomic_block:
                raise
        else:
            break
    log.info("account_deleted", user=user_id)


def _delete(user_id: str) -> None:
    """No-op where it was deleted a moment ago."""
    with changing_rules():
        lock_administrators()
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            return
        superusers = User.objects.filter(is_superuser=True, is_active=True)
        if user.is_superuser and not superusers.exclude(pk=user_id).exists():
            raise Forbidden("The last administrator cannot be deleted.")
        _anonymize_admin_log(user)
        Invitation.objects.filter(email=user.email).delete()
        for resource_type, shareable in shareables().items():
            forget_resources(resource_type=resource_type, resource_ids=shareable.owned_by(user_id))
        user.delete()


def _anonymize_admin_log(user: User) -> None:
    """What administrators did stays on record, but not to whom."""
    named = Q(object_id=user.pk)
    for text in (user.pk, user.email):
        named |= Q(object_repr__contains=text) | Q(change_message__contains=text)
    rows = LogEntry.objects.filter(named).order_by()
    found = [row.pk for row in rows.iterator() if row.object_id == user.pk or _names(row, user)]
    LogEntry.objects.filter(pk__in=found).update(
        object_id=None, object_repr=DELETED, change_message=""
    )


def _names(row: LogEntry, user: User) -> bool:
    """Not where the address is the end of somebody else's: whoever registers as ``n@example.com``
    would take what was done to ``john@example.com`` off the record."""
    address = rf"(?<![\w.+%&~!#$^-]){re.escape(user.email)}(?![\w-]|\.\w)"
    told = f"{row.object_repr}\n{row.change_message}"
    return user.pk in told or re.search(address, told) is not None
