"""Checking a password against a directory. The only import site of ldap3."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from accounts.identity.claims import Claims, clean
from accounts.identity.configuration import LDAP
from accounts.identity.proven import SUBJECT_MAX_LENGTH, ProvenIdentity

if TYPE_CHECKING:
    from ldap3 import Connection

TIMEOUT_SECONDS = 10
MAX_ENTRIES = 2
# Of RFC 4511: constraintViolation (locked), noSuchObject, invalidDNSyntax,
# inappropriateAuthentication, invalidCredentials, unwillingToPerform.
_WRONG_PASSWORD = {19, 32, 34, 48, 49, 53}


class DirectoryError(Exception):
    """The directory does not answer, or not as it should."""


def check_password(directory: LDAP, *, login: str, password: str) -> ProvenIdentity | None:
    """The person, or None for a wrong name or password. Raises DirectoryError."""
    from ldap3.core.exceptions import LDAPException

    # A directory takes a name with an empty password for nobody in particular, and says yes.
    if not login or not password:
        return None
    try:
        entry = _find(directory, login)
        # Asked for nobody, too: the time would tell who is there.
        name = entry["dn"] if entry else f"cn=nobody,{directory.search_base}"
        if not _is_password_of(directory, name, password) or entry is None:
            return None
    except (LDAPException, OSError, ValueError) as error:
        raise DirectoryError(type(error).__name__) from error
    return _identity(directory, entry["attributes"])


def _find(directory: LDAP, login: str) -> dict[str, Any] | None:
    """The one entry for ``login``; several are none."""
    from ldap3 import ALL_ATTRIBUTES
    from ldap3.utils.conv import escape_filter_chars

    search = directory.search_filter.replace("{{username}}", escape_filter_chars(login))
    with _connected(directory, directory.bind_dn, directory.bind_password) as connection:
        if not connection.bound:
            raise DirectoryError("LDAP_BIND_DN is refused")
        connection.search(
            directory.search_base,
            search if search.startswith("(") else f"({search})",
            attributes=[ALL_ATTRIBUTES, "memberOf"],
            size_limit=MAX_ENTRIES,
        )
        found = [each for each in connection.response if each["type"] == "searchResEntry"]
    return found[0] if len(found) == 1 else None


def _is_password_of(directory: LDAP, name: str, password: str) -> bool:
    with _connected(directory, name, password) as connection:
        code = connection.result["result"]
        if not connection.bound and code not in _WRONG_PASSWORD:
            raise DirectoryError(f"signing in as a person: {connection.result['description']}")
        return bool(connection.bound)


@contextmanager
def _connected(directory: LDAP, name: str, password: str) -> Iterator["Connection"]:
    """Signed in, if the directory agrees; as an anonymous visitor without ``name``."""
    connection = _connection(directory, name, password)
    try:
        connection.open()
        if directory.starts_tls and not connection.start_tls():
            raise DirectoryError("STARTTLS is refused")
        connection.bind()
        yield connection
    finally:
        connection.unbind()


def _connection(directory: LDAP, name: str, password: str) -> "Connection":
    from ldap3 import NONE, Connection, Server, Tls

    tls = Tls(
        validate=ssl.CERT_REQUIRED if directory.verifies_certificate else ssl.CERT_NONE,
        ca_certs_file=directory.ca_certificate_path or None,
    )
    server = Server(directory.url, get_info=NONE, tls=tls, connect_timeout=TIMEOUT_SECONDS)
    return Connection(
        server,
        user=name or None,
        password=password or None,
        receive_timeout=TIMEOUT_SECONDS,
        read_only=True,
        check_names=False,
        auto_referrals=False,  # a referral would be handed the password
    )


def _identity(directory: LDAP, attributes: Any) -> ProvenIdentity:
    """What the directory says is the operator's own word, so its addresses are verified."""
    plain = {str(name): _plain(values) for name, values in dict(attributes).items()}
    claims = Claims({"userinfo": plain})
    email = claims.exact_text(directory.email_attribute or "mail") or claims.exact_text("mail")
    full_name = " ".join(filter(None, map(claims.text, directory.name_attributes)))
    subject = _first(claims, directory.id_attribute, "uid", "sAMAccountName", "mail")
    if not 0 < len(subject) <= SUBJECT_MAX_LENGTH:
        raise DirectoryError("the entry has none of LDAP_ID, uid, sAMAccountName and mail")
    return ProvenIdentity(
        provider="ldap",
        issuer="",
        subject=subject,
        email=email or f"{subject}@ldap.local",
        is_email_verified=True,
        claims=claims,
        name=full_name or _first(claims, "cn", "name", "commonname", "displayName"),
        username=_first(claims, directory.username_attribute, "givenName", "mail"),
    )


def _first(claims: Claims, *names: str) -> str:
    return next((text for name in names if name and (text := claims.text(name))), "")


def _plain(values: Any) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    return [clean(str(each)) for each in listed if isinstance(each, str | int)]
