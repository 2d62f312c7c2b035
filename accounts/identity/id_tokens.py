"""Signed statements of OpenID providers: who signed in, for whom it was said, and when."""

from collections.abc import Callable
from typing import Any

import jwt
from django.core.cache import cache

from accounts.identity.proven import Refusal, SignInRefused
from librechat_backend.lib import crypto
from librechat_backend.lib.json import JSONDict

# Public keys only: with a shared secret, whoever may check could also sign.
ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
KEYS_SECONDS = 10 * 60

FetchJSON = Callable[[str], JSONDict]


def verify_id_token(
    token: str, *, keys_url: str, fetch: FetchJSON, issuer: str, client_id: str, nonce: str,
    clock_tolerance_seconds: int,
) -> JSONDict:  # fmt: skip
    """Its claims. Raises SignInRefused; what ``fetch`` raises passes through."""
    try:
        claims: JSONDict = jwt.decode(
            token,
            _signing_key(token, keys_url, fetch),
            algorithms=ALGORITHMS,
            issuer=issuer,
            audience=client_id,
            leeway=clock_tolerance_seconds,
            options={"require": REQUIRED},
        )
    except (jwt.PyJWTError, TypeError, ValueError, KeyError) as error:
        raise SignInRefused(Refusal.INVALID_ANSWER, f"ID token: {error!r}") from error
    if claims.get("azp", client_id) != client_id:
        raise SignInRefused(Refusal.INVALID_ANSWER, "ID token: made for another client")
    if not crypto.same(str(claims.get("nonce", "")), nonce):
        raise SignInRefused(Refusal.INVALID_ANSWER, "ID token: another nonce")
    return claims


def unverified_claims(token: str) -> JSONDict:
    """Of an access token that is a JWT, straight from the token endpoint; else empty."""
    try:
        claims: Any = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _signing_key(token: str, keys_url: str, fetch: FetchJSON) -> jwt.PyJWK:
    """A key that is not among the known ones may be new: they are fetched once more."""
    kid = jwt.get_unverified_header(token).get("kid")
    cache_key = f"identity:keys:{crypto.token_hash(keys_url)}"
    known: JSONDict | None = cache.get(cache_key)
    key = _choose(known, kid) if known else None
    if key is None:
        fetched = fetch(keys_url)
        key = _choose(fetched, kid)
        if key is None:
            raise jwt.InvalidKeyError("the provider publishes no such key")
        # Not before one of them was of use: what cannot be read is asked for again next time.
        cache.set(cache_key, fetched, KEYS_SECONDS)
    return key


def _choose(published: JSONDict, kid: object) -> jwt.PyJWK | None:
    listed = published.get("keys")
    usable = [
        each
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
        and each.get("use", "sig") == "sig"
        and each.get("kty") in {"RSA", "EC", "OKP"}
        and (kid is None or each.get("kid") in {kid, None})
    ]
    exact = [each for each in usable if each.get("kid") == kid]
    chosen = exact or usable
    return jwt.PyJWK.from_dict(chosen[0]) if len(chosen) == 1 else None
