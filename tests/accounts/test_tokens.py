import time
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from accounts.tokens import InvalidAccessToken, issue_access_token, verify_access_token
from tests.factories import UserFactory


def unsaved() -> User:
    return UserFactory.build(email="ada@example.com", username="ada")


def signed(claims: dict[str, object] | None = None, *, secret: str | None = None) -> str:
    base = {"id": "a" * 24, "token_type": "access", "jti": "1", "exp": int(time.time()) + 60}
    return jwt.encode(base | (claims or {}), secret or settings.JWT_SECRET, algorithm="HS256")


def reason(token: str) -> str:
    with pytest.raises(InvalidAccessToken) as caught:
        verify_access_token(token)
    return str(caught.value)


def test_claims_are_those_of_the_contract_when_a_token_is_issued() -> None:
    user = unsaved()
    claims = jwt.decode(issue_access_token(user), settings.JWT_SECRET, algorithms=["HS256"])
    assert {name: claims[name] for name in ("id", "username", "provider", "email")} == {
        "id": user.pk,
        "username": "ada",
        "provider": "local",
        "email": "ada@example.com",
    }
    assert claims["exp"] - claims["iat"] == 900


def test_user_id_is_returned_when_the_token_is_sound() -> None:
    user = unsaved()
    assert verify_access_token(issue_access_token(user)) == user.pk


def test_reason_is_expired_when_the_lifetime_is_over() -> None:
    token = issue_access_token(unsaved())
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        assert reason(token) == "jwt expired"


def test_reason_is_signature_when_another_secret_signed() -> None:
    assert reason(signed(secret="x" * 64)) == "invalid signature"


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "ü.ü.ü", "\x00"])
def test_reason_is_malformed_when_it_is_no_jwt(token: str) -> None:
    assert reason(token) == "jwt malformed"


def test_token_is_refused_when_it_is_unsigned() -> None:
    claims = {"id": "a" * 24, "token_type": "access", "jti": "1", "exp": int(time.time()) + 60}
    assert reason(jwt.encode(claims, "", algorithm="none")) == "jwt malformed"


@pytest.mark.parametrize(
    "claims", [{"token_type": "two_factor"}, {"id": None}, {"id": 7}, {"exp": "soon"}]
)
def test_token_is_refused_when_a_claim_is_wrong(claims: dict[str, object]) -> None:
    assert reason(signed(claims)) == "jwt malformed"
