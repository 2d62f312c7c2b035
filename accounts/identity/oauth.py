"""Signing in with OAuth 2 and OpenID Connect: the way there, and what the way back proves."""

import base64
import hashlib
import json
import re
from typing import Any

import requests
from django.core.exceptions import ImproperlyConfigured

from accounts.identity import attempts, configuration, id_tokens, library
from accounts.identity.attempts import Attempt
from accounts.identity.claims import Claims, clean
from accounts.identity.proven import SUBJECT_MAX_LENGTH, ProvenIdentity, Refusal, SignInRefused
from librechat_backend.lib import crypto
from librechat_backend.lib.json import JSONDict

Answer = dict[str, str]

# What the library calls a setting of its own: an identifier of endless length.
_STRANGE = (*library.STRANGE_ANSWERS, ImproperlyConfigured)


def begin(*, provider: str, browser: str) -> str:
    """The provider's address to send the browser to. Raises SignInRefused."""
    state, nonce, code_verifier = (crypto.new_token() for _ in range(3))
    client = library.client(provider)
    attempts.remember(
        state=state,
        provider=provider,
        browser=browser,
        nonce=nonce,
        code_verifier=code_verifier if client.uses_pkce else "",
    )
    parameters = {"nonce": nonce} if client.repeats_nonce else {}
    if client.uses_pkce:
        parameters |= {"code_challenge": _challenge(code_verifier), "code_challenge_method": "S256"}
    try:
        return client.redirect_url(state=state, parameters=parameters)
    except library.STRANGE_ANSWERS as error:  # its metadata names ways that are no texts
        raise SignInRefused(Refusal.PROVIDER_ERROR, type(error).__name__) from error


def finish(*, provider: str, answer: Answer, browser: str) -> ProvenIdentity:
    """Who came back. ``answer`` is what the provider gave the browser. Raises SignInRefused."""
    attempt = attempts.take(state=answer.get("state", ""), provider=provider, browser=browser)
    if told := answer.get("error"):
        reason = Refusal.CANCELLED if told == "access_denied" else Refusal.PROVIDER_ERROR
        raise SignInRefused(reason, _printable(told))
    if not answer.get("code"):
        raise SignInRefused(Refusal.INVALID_ANSWER, "no code")
    try:
        return _prove(provider, attempt, answer)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise SignInRefused(Refusal.PROVIDER_UNREACHABLE, type(error).__name__) from error
    except library.PROVIDER_ERRORS as error:
        # Their texts hold addresses and bodies, and these may hold tokens.
        raise SignInRefused(Refusal.PROVIDER_ERROR, _error_code(error)) from error
    except _STRANGE as error:
        raise SignInRefused(Refusal.INVALID_ANSWER, type(error).__name__) from error


def _prove(provider: str, attempt: Attempt, answer: Answer) -> ProvenIdentity:
    client = library.client(provider, nonce=attempt.nonce)
    if isinstance(client, library.OpenIDClient):
        _check_issuer(client, answer)
    tokens = client.exchange(code=answer["code"], code_verifier=attempt.code_verifier)
    login = client.who(tokens)
    if isinstance(client, library.OpenIDClient):
        return _from_openid(client, login.account.extra_data, tokens)
    return _from_social(provider, client, login, answer)


def _check_issuer(client: library.OpenIDClient, answer: Answer) -> None:
    """Against answers of one provider passed off as another's (RFC 9207)."""
    must_say = client.metadata.raw.get("authorization_response_iss_parameter_supported") is True
    said = answer.get("iss", "")
    if (said or must_say) and said != client.metadata.issuer:
        raise SignInRefused(Refusal.INVALID_ANSWER, "another issuer")


def _from_openid(
    client: library.OpenIDClient, said: dict[str, JSONDict], tokens: JSONDict
) -> ProvenIdentity:
    told, openid = Claims(_of_one_person(said)), client.openid
    access = id_tokens.unverified_claims(str(tokens.get("access_token", "")))
    email, is_verified = _openid_email(told, openid)
    username_claims = (openid.username_claim,) if openid.username_claim else _USERNAME_CLAIMS
    return ProvenIdentity(
        provider="openid",
        issuer=client.metadata.issuer,
        subject=_subject(str(told.by_source["id"]["sub"])),
        email=email,
        is_email_verified=is_verified,
        claims=Claims({**told.by_source, "access": access}),
        name=told.text(openid.name_claim) if openid.name_claim else _full_name(told),
        username=_first(told, username_claims),
        avatar_url=told.text("picture"),
        id_token=str(tokens.get("id_token", "")),
    )


def _of_one_person(said: dict[str, JSONDict]) -> dict[str, JSONDict]:
    """An ID token must be there; the user info counts only if it is about the same person."""
    id_token, userinfo = said.get("id_token"), said.get("userinfo") or {}
    if not id_token:
        raise SignInRefused(Refusal.INVALID_ANSWER, "no ID token")
    if userinfo and userinfo.get("sub") != id_token["sub"]:
        raise SignInRefused(Refusal.INVALID_ANSWER, "user info of another person")
    return {"userinfo": userinfo, "id": id_token}


_USERNAME_CLAIMS = ("preferred_username", "username", "email")
_EMAIL_CLAIMS = ("email", "preferred_username", "upn")


def _openid_email(told: Claims, openid: configuration.OpenID) -> tuple[str, bool]:
    """The address, and whether the provider vouches for it; only ``email`` can be verified."""
    names = (openid.email_claim,) if openid.email_claim else _EMAIL_CLAIMS
    name = next((each for each in names if "@" in told.exact_text(each)), "")
    email = told.exact_text(name) if name else ""
    is_verified = name == "email" and _is_verified(told, email)
    return email, bool(email) and (is_verified or openid.trusts_email)


def _is_verified(told: Claims, email: str) -> bool:
    """In every place that says something of this very address."""
    said = [
        claims["email_verified"]
        for claims in told.by_source.values()
        if str(claims.get("email")).strip() == email and "email_verified" in claims
    ]
    return bool(said) and all(each is True or each == "true" for each in said)


def _full_name(told: Claims) -> str:
    parts = " ".join(filter(None, (told.text("given_name"), told.text("family_name"))))
    return parts or _first(told, ("name", "username", "email"))


def _first(told: Claims, names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := told.text(name))), "")


def _from_social(provider: str, client: Any, login: Any, answer: Answer) -> ProvenIdentity:
    source, about = client.get_provider(), login.account.extra_data
    fields = {
        name: clean(value)
        for name, value in source.extract_common_fields(about | _apple_name(answer)).items()
        if isinstance(value, str)
    }
    # Sorted by the library: the primary address first, verified ones before others.
    addresses = sorted(login.email_addresses, key=lambda each: not each.verified)
    first_and_last = " ".join(filter(None, map(fields.get, ("first_name", "last_name"))))
    return ProvenIdentity(
        provider=provider,
        issuer="",
        subject=_subject(login.account.uid),
        email=addresses[0].email if addresses else "",
        is_email_verified=bool(addresses) and addresses[0].verified is True,
        claims=Claims({"userinfo": about}),
        name=fields.get("name") or first_and_last or fields.get("username", ""),
        username=fields.get("username", ""),
        avatar_url=_avatar_url(source, login.account),
    )


def _apple_name(answer: Answer) -> JSONDict:
    """Apple tells the name once, to the browser; nothing depends on it."""
    try:
        user = json.loads(answer.get("user", ""))
    except ValueError:
        return {}
    name = user.get("name") if isinstance(user, dict) else None
    return {"name": name} if isinstance(name, dict) else {}


def _avatar_url(source: Any, account: Any) -> str:
    # Of who has no picture there, the library would make an address that leads nowhere.
    if source.id == "discord" and not account.extra_data.get("avatar"):
        return ""
    return str(source.wrap_account(account).get_avatar_url() or "")


def _subject(subject: str) -> str:
    if not 0 < len(subject) <= SUBJECT_MAX_LENGTH or clean(subject) != subject:
        raise SignInRefused(Refusal.INVALID_ANSWER, "unusable subject")
    return subject


def _challenge(code_verifier: str) -> str:
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _error_code(error: Exception) -> str:
    found = re.search(r'"error"\s*:\s*"(\w{1,60})"', str(error))
    return f"{type(error).__name__} {found[1] if found else ''}".strip()


def _printable(text: str) -> str:
    return re.sub(r"[^\w .-]", "", text)[:60]
