"""Devices that stay signed in: one refresh session per sign-in (contract 01 §4.1, §4.3).

The browser keeps ``<session id>.<random>``; the row keeps a keyed hash of it. Each refresh puts a
new token in place of the old one. A session ends at a fixed time, however often it is used.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import RefreshSession, User
from librechat_backend.lib import crypto
from librechat_backend.lib.ids import is_object_id, new_object_id

# Tabs that refresh at the same time present the same token; the later one still gets its answer.
ROTATION_GRACE = timedelta(seconds=10)


class InvalidRefreshToken(Exception):
    """The cookie does not have the form of a refresh token."""


class SessionNotFound(Exception):
    """The session ended, its user was deactivated, or the token was replaced long ago."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """For the cookie, and nowhere else."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refreshed:
    """``token`` is None when another tab has just received the new one."""

    user: User
    token: RefreshToken | None


def start_session(*, user: User, ip_address: str | None, user_agent: str) -> RefreshToken:
    """A new session; those of the user that ended are removed on this occasion."""
    now = timezone.now()
    user.refresh_sessions.filter(expires_at__lte=now).delete()
    session_id = new_object_id()
    token = RefreshToken(_new_token(session_id), now + settings.REFRESH_SESSION_LIFETIME)
    RefreshSession.objects.create(
        id=session_id,
        user=user,
        token_hash=crypto.token_hash(token.value),
        expires_at=token.expires_at,
        ip_address=ip_address,
        user_agent=user_agent[:300],
    )
    return token


def rotate_session(*, token: str) -> Refreshed:
    """Exchange ``token`` for a new one; two queries.

    Raises InvalidRefreshToken, SessionNotFound.
    """
    session = _live_session(token)
    presented = crypto.token_hash(token)
    if crypto.same(presented, session.token_hash):
        replacement = _new_token(session.pk)
        if _replace_hash(session.pk, old=presented, new=crypto.token_hash(replacement)):
            return Refreshed(session.user, RefreshToken(replacement, session.expires_at))
        session = _live_session(token)  # another tab was faster
    if _is_in_grace(session, presented):
        return Refreshed(session.user, None)
    raise SessionNotFound


def end_session(*, user: User, token: str) -> None:
    """Sign this device out; a token that is not (or no longer) valid ends nothing."""
    presented = crypto.token_hash(token)
    user.refresh_sessions.filter(
        Q(token_hash=presented) | Q(previous_hash=presented), pk=token.partition(".")[0]
    ).delete()


def end_all_sessions(*, user: User) -> None:
    """Sign every device of the user out. Access tokens live on until they expire."""
    user.refresh_sessions.all().delete()


def _new_token(session_id: str) -> str:
    return f"{session_id}.{crypto.new_token()}"


def _live_session(token: str) -> RefreshSession:
    session_id, _, secret = token.partition(".")
    if not is_object_id(session_id) or not secret:
        raise InvalidRefreshToken
    session = (
        RefreshSession.objects.select_related("user")
        .filter(pk=session_id, expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )
    if session is None:
        raise SessionNotFound
    return session


def _replace_hash(session_id: str, *, old: str, new: str) -> bool:
    """Whether this call, and no other, replaced ``old``."""
    return bool(
        RefreshSession.objects.filter(pk=session_id, token_hash=old).update(
            token_hash=new, previous_hash=old, rotated_at=timezone.now()
        )
    )


def _is_in_grace(session: RefreshSession, presented: str) -> bool:
    is_recent = timezone.now() - session.rotated_at <= ROTATION_GRACE
    return is_recent and crypto.same(presented, session.previous_hash)
