"""Sign-ins that are on their way to a provider and back.

An attempt belongs to one browser (its cookie) and one provider, and comes back once. Kept in the
cache: what is left behind goes by itself.
"""

from dataclasses import asdict, dataclass

from django.core.cache import cache

from accounts.identity.proven import Refusal, SignInRefused
from librechat_backend.lib import crypto

ATTEMPT_SECONDS = 10 * 60
ANSWER_SECONDS = 60
# What a provider posts; a SAML answer with many attributes is some 20 kB.
MAX_ANSWER_LENGTH = 300_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """``nonce`` comes back inside of what the provider signs; for SAML, it is the request's id."""

    provider: str
    browser_hash: str
    nonce: str
    code_verifier: str


def remember(*, state: str, provider: str, browser: str, nonce: str, code_verifier: str) -> None:
    """``browser`` is the secret in the browser's cookie."""
    attempt = Attempt(provider, crypto.token_hash(browser), nonce, code_verifier)
    cache.set(_key("attempt", state), asdict(attempt), ATTEMPT_SECONDS)


def take(*, state: str, provider: str, browser: str) -> Attempt:
    """The attempt, this once. Raises SignInRefused.

    A stranger's browser uses nothing up: the attempt is still there for its own.
    """
    stored = cache.get(_key("attempt", state)) if state and browser else None
    if stored is None:
        raise SignInRefused(Refusal.INVALID_STATE, "unknown, expired or used state")
    attempt = Attempt(**stored)
    if not crypto.same(attempt.browser_hash, crypto.token_hash(browser)):
        raise SignInRefused(Refusal.INVALID_STATE, "another browser")
    if attempt.provider != provider:
        raise SignInRefused(Refusal.INVALID_STATE, "another provider")
    if not cache.delete(_key("attempt", state)):
        raise SignInRefused(Refusal.INVALID_STATE, "used at the same time")
    return attempt


def keep_answer(answer: dict[str, str]) -> str:
    """Where the provider posts, the browser sends no cookie; the next request has it."""
    if sum(map(len, answer.values())) > MAX_ANSWER_LENGTH:
        raise SignInRefused(Refusal.INVALID_ANSWER, "too long")
    key = crypto.new_token()
    cache.set(_key("answer", key), answer, ANSWER_SECONDS)
    return key


def take_answer(key: str) -> dict[str, str]:
    """Once. Raises SignInRefused."""
    answer: dict[str, str] | None = cache.get(_key("answer", key))
    if answer is None or not cache.delete(_key("answer", key)):
        raise SignInRefused(Refusal.INVALID_STATE, "unknown, expired or used answer")
    return answer


def _key(kind: str, secret: str) -> str:
    return f"identity:{kind}:{crypto.token_hash(secret)}"
