"""A SAML provider (pysaml2), for an exchange with another implementation than ours.

It signs with the program ``xmlsec1``; without it, ``is_available`` is False.
"""

import base64
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

XMLSEC = shutil.which("xmlsec1")
IDP, SP = "https://idp.example.com/metadata", "https://chat.example.com/sp"
ENTRY_POINT = "https://idp.example.com/sso"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PERSON: dict[str, Any] = {
    "email": "ada@example.com",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "username": "ada",
    "groups": ["staff", "lab"],
}


def make_key(directory: Path, name: str) -> tuple[Path, Path]:
    """Files with a private key and its certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = directory / f"{name}.key", directory / f"{name}.crt"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path


@dataclass
class Answer:
    """What the next sign-in is answered with. ``changes`` are over the arguments of pysaml2."""

    person: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    name_id: str = "ada-persistent"
    name_id_format: str = PERSISTENT
    signs_assertion: bool = True
    signs_response: bool = False
    changes: dict[str, Any] = field(default_factory=dict)


class SAMLProvider:
    def __init__(self, directory: Path, callback_url: str, *, issuer: str = IDP) -> None:
        from saml2.config import IdPConfig
        from saml2.server import Server

        self.key_path, self.certificate_path = make_key(directory, "idp")
        self.callback_url = callback_url
        metadata = directory / "sp.xml"
        metadata.write_text(_sp_metadata(callback_url))
        config = IdPConfig()
        config.load(
            {
                "entityid": issuer,
                "xmlsec_binary": XMLSEC,
                "key_file": str(self.key_path),
                "cert_file": str(self.certificate_path),
                "metadata": {"local": [str(metadata)]},
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [(ENTRY_POINT, REDIRECT)]},
                        "policy": {
                            "default": {"attribute_restrictions": None, "name_form": _BASIC}
                        },
                    }
                },
            }
        )
        self._server = Server(config=config)

    @property
    def certificate(self) -> str:
        return self.certificate_path.read_text()

    def answer(self, location: str, answer: Answer) -> dict[str, str]:
        """The form that the browser posts, for the address our server sent it to."""
        from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID

        query = {name: texts[0] for name, texts in parse_qs(urlsplit(location).query).items()}
        request = self._server.parse_authn_request(query["SAMLRequest"], REDIRECT).message
        arguments: dict[str, Any] = {
            "identity": answer.person,
            "in_response_to": request.id,
            "destination": self.callback_url,
            "sp_entity_id": SP,
            "name_id": NameID(
                format=answer.name_id_format or NAMEID_FORMAT_PERSISTENT, text=answer.name_id
            ),
            "authn": {"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
            "sign_assertion": answer.signs_assertion,
            "sign_response": answer.signs_response,
            "sign_alg": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "digest_alg": "http://www.w3.org/2001/04/xmlenc#sha256",
            **answer.changes,
        }
        response = str(self._server.create_authn_response(**arguments))
        return {
            "SAMLResponse": base64.b64encode(response.encode()).decode(),
            "RelayState": query["RelayState"],
        }


_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"


def _sp_metadata(callback_url: str) -> str:
    return (
        '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" '
        f'entityID="{SP}"><SPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" '
        'WantAssertionsSigned="true"><AssertionConsumerService index="0" isDefault="true" '
        f'Binding="{POST}" Location="{callback_url}"/></SPSSODescriptor></EntityDescriptor>'
    )
