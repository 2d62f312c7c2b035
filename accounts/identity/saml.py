"""Signing in with SAML 2.0. The only import site of python3-saml."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.cache import cache

from accounts.identity import attempts, configuration
from accounts.identity.claims import Claims, clean
from accounts.identity.configuration import SAML
from accounts.identity.proven import SUBJECT_MAX_LENGTH, ProvenIdentity, Refusal, SignInRefused
from librechat_backend.lib import crypto

if TYPE_CHECKING:
    from onelogin.saml2.auth import OneLogin_Saml2_Auth

# Longer than any answer is good for; a used one is refused for as long.
ANSWER_LIFE_SECONDS = 24 * 60 * 60
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


def begin(*, browser: str) -> str:
    """The address to send the browser to; our state travels as RelayState."""
    saml, state = _configured(), crypto.new_token()
    auth = _auth(saml, idp_issuer=saml.idp_issuer or saml.entry_point)
    url = str(auth.login(return_to=state))
    request_id = str(auth.get_last_request_id())
    attempts.remember(
        state=state, provider="saml", browser=browser, nonce=request_id, code_verifier=""
    )
    return url


def finish(*, answer: dict[str, str], browser: str) -> ProvenIdentity:
    """Who came back; only answers to a request of ours count. Raises SignInRefused."""
    saml = _configured()
    state = answer.get("RelayState", "")
    attempt = attempts.take(state=state, provider="saml", browser=browser)
    auth = _verified(saml, answer.get("SAMLResponse", ""), request_id=attempt.nonce)
    _use_up(str(auth.get_last_assertion_id()))
    return _identity(saml, auth)


def _verified(saml: SAML, response: str, *, request_id: str) -> "OneLogin_Saml2_Auth":
    try:
        issuer = saml.idp_issuer or _claimed_issuer(saml, response)
        auth = _auth(saml, idp_issuer=issuer, response=response)
        auth.process_response(request_id=request_id)
        in_response_to = str(auth.get_last_response_in_response_to())
    except Exception as error:  # the library lets those of XML, base64 and times through
        raise SignInRefused(Refusal.INVALID_ANSWER, type(error).__name__) from error
    if errors := auth.get_errors():
        reason = str(auth.get_last_error_reason())
        raise SignInRefused(Refusal.INVALID_ANSWER, f"{errors[0]}: {reason}"[:300])
    if not auth.is_authenticated() or not crypto.same(in_response_to, request_id):
        raise SignInRefused(Refusal.INVALID_ANSWER, "not an answer to our request")
    return auth


def _use_up(assertion_id: str) -> None:
    key = f"identity:assertion:{crypto.token_hash(assertion_id)}"
    if not cache.add(key, True, ANSWER_LIFE_SECONDS):
        raise SignInRefused(Refusal.INVALID_ANSWER, "used before")


def _identity(saml: SAML, auth: "OneLogin_Saml2_Auth") -> ProvenIdentity:
    """The directory behind it belongs to the operator, so its addresses count as verified."""
    # Names first; providers add friendly ones where a name is an urn nobody types.
    claims = Claims({"userinfo": {**auth.get_friendlyname_attributes(), **auth.get_attributes()}})
    name_id = clean(str(auth.get_nameid() or ""))
    email = _email(claims, saml) or (name_id if "@" in name_id else "")
    # A transient name is another one each time.
    subject = email.lower() if auth.get_nameid_format() == TRANSIENT else name_id
    if not 0 < len(subject) <= SUBJECT_MAX_LENGTH:
        raise SignInRefused(Refusal.INVALID_ANSWER, "unusable subject")
    given, family = _claim(claims, saml, "given_name"), _claim(claims, saml, "family_name")
    username = _claim(claims, saml, "username") or given or email
    return ProvenIdentity(
        provider="saml",
        issuer=saml.idp_issuer or saml.entry_point,
        subject=subject,
        email=email,
        is_email_verified=bool(email),
        claims=claims,
        name=_claim(claims, saml, "name") or " ".join(filter(None, (given, family))) or username,
        username=username,
        avatar_url=_claim(claims, saml, "picture"),
    )


def _email(claims: Claims, saml: SAML) -> str:
    return claims.exact_text(saml.claims["email"]) or claims.exact_text("email")


def _claim(claims: Claims, saml: SAML, name: str) -> str:
    """Under the configured name, else under the usual one."""
    configured = saml.claims[name]
    return (claims.text(configured) if configured else "") or claims.text(name)


def _configured() -> SAML:
    saml = configuration.saml()
    if saml is None:
        raise SignInRefused(Refusal.NOT_CONFIGURED)
    return saml


def _claimed_issuer(saml: SAML, response: str) -> str:
    """Where SAML_IDP_ISSUER is unset, the certificate alone says who signed."""
    from onelogin.saml2.response import OneLogin_Saml2_Response

    auth = _auth(saml, idp_issuer=saml.entry_point)
    issuers = OneLogin_Saml2_Response(auth.get_settings(), response).get_issuers()
    return str(issuers[0])


def _auth(saml: SAML, *, idp_issuer: str, response: str = "") -> "OneLogin_Saml2_Auth":
    from onelogin.saml2.auth import OneLogin_Saml2_Auth

    here = urlsplit(saml.callback_url)
    request: dict[str, Any] = {
        "https": "on" if here.scheme == "https" else "off",
        "http_host": here.netloc,
        "script_name": here.path,
        "get_data": {},
        "post_data": {"SAMLResponse": response},
    }
    return OneLogin_Saml2_Auth(request, _library_settings(saml, idp_issuer))


def _library_settings(saml: SAML, idp_issuer: str) -> dict[str, Any]:
    return {
        "strict": True,
        "sp": {
            "entityId": saml.entity_id,
            "assertionConsumerService": {
                "url": saml.callback_url,
                "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            },
        },
        "idp": {
            "entityId": idp_issuer,
            "singleSignOnService": {"url": saml.entry_point},
            "x509cert": saml.certificate,
        },
        "security": {
            "wantAssertionsSigned": not saml.wants_signed_response,
            "wantMessagesSigned": saml.wants_signed_response,
            "wantAttributeStatement": False,
            "requestedAuthnContext": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": True,
            # Names such as http://localhost:8000 are for trying things out.
            "allowSingleLabelDomains": True,
        },
    }
