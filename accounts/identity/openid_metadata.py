"""What the OpenID provider publishes about itself."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.core.cache import cache

from accounts.identity.configuration import OpenID
from accounts.identity.proven import Refusal, SignInRefused
from librechat_backend.lib import crypto
from librechat_backend.lib.json import JSONDict

METADATA_SECONDS = 10 * 60
TIMEOUT_SECONDS = 10
MAX_ADDRESS_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Metadata:
    """``raw`` is the whole document; empty texts: not published."""

    issuer: str
    raw: JSONDict

    def text(self, name: str) -> str:
        value = self.raw.get(name)
        return value if isinstance(value, str) else ""

    def names(self, member: str, name: str) -> bool:
        """Whether the list ``member`` names ``name``."""
        listed = self.raw.get(member)
        return isinstance(listed, list) and name in listed


def read_metadata(openid: OpenID) -> Metadata:
    """From the cache or the provider. Raises SignInRefused.

    A document of another issuer is refused: its endpoints would get our codes and secret.
    """
    cache_key = f"identity:metadata:{crypto.token_hash(openid.issuer)}"
    raw: JSONDict | None = cache.get(cache_key)
    if raw is None:
        raw = _fetch(f"{openid.issuer}/.well-known/openid-configuration")
    metadata = Metadata(str(raw.get("issuer", "")), raw)
    if metadata.issuer.rstrip("/") != openid.issuer:
        raise SignInRefused(
            Refusal.PROVIDER_ERROR, f"metadata of {metadata.issuer!r}, not of OPENID_ISSUER"
        )
    if missing := [name for name in _NEEDED if not _is_address(metadata.text(name))]:
        raise SignInRefused(Refusal.PROVIDER_ERROR, f"metadata without {missing[0]}")
    cache.set(cache_key, raw, METADATA_SECONDS)
    return metadata


_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def _is_address(text: str) -> bool:
    """Whether a browser can be sent there."""
    try:
        parts = urlsplit(text.encode("utf-8").decode())
    except ValueError:  # half an address, or half a character
        return False
    is_short = len(text) <= MAX_ADDRESS_LENGTH
    return is_short and parts.scheme in {"https", "http"} and bool(parts.netloc)


def _fetch(url: str) -> JSONDict:
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        document = answer.json()
    except (requests.ConnectionError, requests.Timeout) as error:
        raise SignInRefused(Refusal.PROVIDER_UNREACHABLE, type(error).__name__) from error
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise SignInRefused(Refusal.PROVIDER_ERROR, f"metadata: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise SignInRefused(Refusal.PROVIDER_ERROR, "metadata is no object")
    return document
