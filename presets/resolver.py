"""Which endpoint and model a turn runs on."""

from dataclasses import dataclass

from accounts.models import User
from librechat_backend.lib.errors import InvalidRequest
from presets.startup import offered_endpoints


@dataclass(frozen=True, slots=True)
class ResolvedTurn:
    """``kind`` names the service; ``label`` is what the endpoint is called on screen."""

    endpoint: str
    is_custom: bool
    kind: str
    model: str
    label: str


def resolve_turn(user: User, *, endpoint: str, model: str, spec: str) -> ResolvedTurn:
    """The turn ``user`` asks for; an empty ``model`` means the endpoint's first.

    ``spec`` names a preset an administrator made; there are none yet, so it decides nothing.
    Raises InvalidRequest with the typed bodies of contract 02 §7.2.
    """
    offered = next((info for info in offered_endpoints() if info.name == endpoint), None)
    if offered is None:
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    if not offered.models:
        raise InvalidRequest(type="endpoint_models_not_loaded", info=endpoint)
    chosen = model or offered.models[0]
    if chosen not in offered.models:
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    return ResolvedTurn(
        endpoint=offered.name,
        is_custom=offered.is_custom,
        kind=offered.kind,
        model=chosen,
        label=offered.label,
    )
