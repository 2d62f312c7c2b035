"""The end of an account (contract 01 §4.10).

Everything a person has hangs on their row and goes with it; what names them elsewhere is listed
here. Answers being written stop at the next heartbeat of their process.
"""

import structlog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from accounts.models import Invitation, User
from accounts.models.user import ROLE_ADMIN
from accounts.proof import Proof
from accounts.services.bans import require_not_banned
from accounts.services.roles import lock_administrators
from accounts.services.two_factor import require_proof
from librechat_backend.lib.errors import Forbidden

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
    """Raises Forbidden for the last administrator."""
    user_id = user.pk
    with transaction.atomic():
        lock_administrators()
        superusers = User.objects.filter(is_superuser=True, is_active=True)
        if user.is_superuser and not superusers.exclude(pk=user_id).exists():
            raise Forbidden("The last administrator cannot be deleted.")
        user_type = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=user_type, object_id=user_id).delete()
        Invitation.objects.filter(email=user.email).delete()
        user.delete()
    log.info("account_deleted", user=user_id)
