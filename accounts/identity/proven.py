"""What a provider proved about a person, and why it may not be enough. Knows no Django."""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from accounts.identity.claims import Claims

ACCOUNT_KEY_MAX_LENGTH = 200
# The column's; subjects are much shorter in practice.
SUBJECT_MAX_LENGTH = 191


class Refusal(StrEnum):
    """Why a sign-in through a provider came to nothing; stands in the address and in the log."""

    NOT_CONFIGURED = "not_configured"
    CANCELLED = "cancelled"
    PROVIDER_ERROR = "provider_error"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    INVALID_STATE = "invalid_state"
    INVALID_ANSWER = "invalid_answer"
    EMAIL_MISSING = "email_missing"
    EMAIL_UNVERIFIED = "email_unverified"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    REQUIREMENT_NOT_MET = "requirement_not_met"
    REGISTRATION_OFF = "registration_off"
    AWAITS_APPROVAL = "awaits_approval"
    DEACTIVATED = "deactivated"


class SignInRefused(Exception):
    """``detail`` is for the log; it never holds a token."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """One person at one provider.

    ``issuer`` is empty where a provider has only one. Empty texts: the provider does not say.
    """

    provider: str
    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    claims: Claims
    name: str = ""
    username: str = ""
    avatar_url: str = ""
    id_token: str = field(default="", repr=False)

    @property
    def account_key(self) -> str:
        return account_key(self.provider, self.issuer)


def account_key(provider: str, issuer: str) -> str:
    """Keeps the same subject at two issuers apart; ``issuer`` may be empty."""
    key = f"{provider}:{issuer}" if issuer else provider
    if len(key) <= ACCOUNT_KEY_MAX_LENGTH:
        return key
    return f"{provider}:{sha256(issuer.encode()).hexdigest()}"
