"""API keys on the wire of the chat's client (contract 04 §13.1)."""

from gateway.models import ApiToken
from gateway.services import NewToken
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.times import to_iso


def key_wire(token: ApiToken) -> JSONDict:
    """Dates that are not set are left out."""
    dates = {
        "createdAt": token.created_at, "lastUsedAt": token.last_used_at,
        "expiresAt": token.expires_at,
    }  # fmt: skip
    return {
        "id": token.id,
        "name": token.name,
        "keyPrefix": token.prefix,
        **{name: to_iso(moment) for name, moment in dates.items() if moment is not None},
    }


def new_key_wire(new: NewToken) -> JSONDict:
    """The only answer that holds the key itself."""
    return key_wire(new.token) | {"key": new.secret}
