"""Devices that stay signed in: one refresh session per sign-in (contract 01 §4.1, §4.3).

The browser keeps ``<session id>.<value>.<seal>``; the row keeps a keyed hash of it. A refresh puts
the successor in place of the token, which is derived from it: whoever presents the same token at
the same time, or again because the answer got lost, is given the same successor. Rotations are at
least the grace apart, so a token is either current, replaced within the grace, or old. The seal
tells an old token from a guess: somebody uses a copy, and the session ends for everybody. A session
also ends at a fixed time, however often it is used. Without ``ROTATE_REFRESH_TOKENS`` a token stays
the current one as long as its session lives.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import RefreshSession, User
from librechat_backend.lib import crypto
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.ids import is_object_id, new_object_id

log = structlog.get_logger(__name__)

# How long a token that was replaced is still answered.
ROTATION_GRACE = timedelta(seconds=10)


class InvalidRefreshToken(Exception):
    """The cookie does not have the form of a refresh token."""


class SessionNotFound(Exception):
    """The session ended, its user was deactivated, or an old token came up and ended it."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """For the cookie, and nowhere else."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refreshed:
    user: User
    token: RefreshToken


def start_session(
    *,
    user: User,
    ip_address: str | None,
    user_agent: str,
    provider: str = "",
    id_token: str = "",
) -> RefreshToken:
    """A new session; those of the user that ended are removed on this occasion.

    ``provider`` vouched for the person with ``id_token``; empty: their password did.
    """
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
        provider=provider,
        id_token=crypto.encrypt(id_token) if id_token else "",
    )
    return token


def rotate_session(*, token: str) -> Refreshed:
    """Exchange ``token`` for the current one of its session; at most two queries.

    Raises InvalidRefreshToken, SessionNotFound.
    """
    session = _live_session(token)
    if _is_current(session, token) and _is_rotation_due(session):
        if _replace(session, token):
            return _refreshed(session, _successor(token))
        session = _live_session(token)  # another tab was faster
    if _is_current(session, token):
        return _refreshed(session, token)
    if _is_in_grace(session, token):
        return _refreshed(session, _successor(token))
    if _is_sealed(token):
        log.warning("refresh_token_reused", user=session.user_id, session=session.pk)
        session.delete()
    raise SessionNotFound


def person_of_session(*, token: str) -> User:
    """Whose ``token`` it is, without exchanging it; one query.

    Raises InvalidRefreshToken, SessionNotFound. An old token ends nothing here: pages ask for
    pictures with whatever cookie they had when they were loaded.
    """
    session = _live_session(token)
    if not (_is_current(session, token) or _is_in_grace(session, token)):
        raise SessionNotFound
    return session.user


def find_session(*, user: User, token: str) -> RefreshSession | None:
    """The session of a token that is valid, or was until just now."""
    presented, session_id = crypto.token_hash(token), session_id_of(token)
    if not is_object_id(session_id):
        return None
    return user.refresh_sessions.filter(
        Q(token_hash=presented) | Q(previous_hash=presented), pk=session_id
    ).first()


def end_session(*, user: User, token: str) -> RefreshSession | None:
    """Sign this device out: the session that was, None for a token that is not valid."""
    session = find_session(user=user, token=token)
    if session is not None:
        user.refresh_sessions.filter(pk=session.pk).delete()
    return session


def end_session_by_id(*, user: User, session_id: str) -> None:
    """Sign one device out. Raises NotFound."""
    deleted, _ = user.refresh_sessions.filter(pk=session_id).delete()
    if not deleted:
        raise NotFound("Session not found")


def end_all_sessions(*, user: User) -> None:
    """Sign every device of the user out, and out of the administration.

    Access tokens live on until they expire, unless the person is deactivated or banned.
    """
    user.refresh_sessions.all().delete()
    user.admin_sessions.all().delete()


def live_sessions(user: User) -> list[RefreshSession]:
    """Newest first; one query."""
    return list(user.refresh_sessions.filter(expires_at__gt=timezone.now()))


def session_id_of(token: str) -> str:
    return token.partition(".")[0]


def _new_token(session_id: str) -> str:
    return _sealed(f"{session_id}.{crypto.new_token()}")


def _successor(token: str) -> str:
    return _sealed(f"{session_id_of(token)}.{crypto.token_hash(f'after:{token}')}")


def _sealed(body: str) -> str:
    return f"{body}.{crypto.token_hash(f'seal:{body}')[:32]}"


def _is_sealed(token: str) -> bool:
    return crypto.same(token, _sealed(token.rpartition(".")[0]))


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


def _refreshed(session: RefreshSession, token: str) -> Refreshed:
    return Refreshed(session.user, RefreshToken(token, session.expires_at))


def _replace(session: RefreshSession, token: str) -> bool:
    """Whether this call, and no other, replaced ``token``."""
    presented = crypto.token_hash(token)
    return bool(
        RefreshSession.objects.filter(pk=session.pk, token_hash=presented).update(
            token_hash=crypto.token_hash(_successor(token)),
            previous_hash=presented,
            rotated_at=timezone.now(),
        )
    )


def _is_current(session: RefreshSession, token: str) -> bool:
    return crypto.same(crypto.token_hash(token), session.token_hash)


def _is_rotation_due(session: RefreshSession) -> bool:
    if not settings.ROTATE_REFRESH_TOKENS:
        return False
    return not session.previous_hash or _is_grace_over(session)


def _is_in_grace(session: RefreshSession, token: str) -> bool:
    is_previous = crypto.same(crypto.token_hash(token), session.previous_hash)
    return is_previous and not _is_grace_over(session)


def _is_grace_over(session: RefreshSession) -> bool:
    return timezone.now() - session.rotated_at > ROTATION_GRACE
