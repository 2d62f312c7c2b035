"""What a person may use: one resolution for the menu, the check of each turn, and the preview."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from accounts.groups import EffectiveGroup, effective_groups
from accounts.models import User
from librechat_backend.lib.errors import AppError, InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.enforcement import EffectiveSettings, apply_preset
from presets.fields import dialect_of
from presets.resolution import PolicyData, Resolution, ResolvedPreset, default_of, resolve
from presets.snapshot import Snapshot, current_snapshot
from presets.startup import offered_endpoints
from providers.catalog import EndpointInfo

CACHED_PEOPLE = 4096


class DeniedTurn(AppError):
    """A turn the rules do not allow; the client shows the text as the answer (01 §6.6)."""

    status = 403


@dataclass(frozen=True, slots=True)
class Offer:
    """All a person can choose. ``endpoints`` hold what may be used without a preset, too."""

    policy: PolicyData
    presets: tuple[ResolvedPreset, ...]
    unavailable: tuple[ResolvedPreset, ...]
    default: ResolvedPreset | None
    endpoints: tuple[EndpointInfo, ...]
    resolution: Resolution

    def find(self, slug: str) -> ResolvedPreset | None:
        return next((preset for preset in self.presets if preset.slug == slug), None)

    def endpoint(self, name: str) -> EndpointInfo | None:
        return next((endpoint for endpoint in self.endpoints if endpoint.name == name), None)


@dataclass(frozen=True, slots=True)
class ResolvedTurn:
    """What a turn really runs on, whatever the request said.

    ``settings`` are the client's names and may be shown; ``system_message`` is private.
    ``moved`` names the parameters that were moved to a bound, with the value asked for.
    """

    endpoint: str
    is_custom: bool
    kind: str
    model: str
    label: str
    settings: JSONDict = field(default_factory=dict)
    system_message: str = ""
    spec: str = ""
    icon_url: str = ""
    preset_id: str = ""
    preset_version: int = 0
    moved: dict[str, JSONValue] = field(default_factory=dict)


# -- Offering --------------------------------------------------------------------------------


def offer_for(user: User) -> Offer:
    """At most three queries while nothing has changed, however many presets there are."""
    return make_offer(resolution_for(user.id), tuple(offered_endpoints()))


def make_offer(resolution: Resolution, endpoints: tuple[EndpointInfo, ...]) -> Offer:
    """A preset whose model no channel serves is not offered: a call would fail."""
    served = {(info.name, model) for info in endpoints for model in info.models}
    usable = [p for p in resolution.visible if (p.endpoint, p.model) in served]
    unavailable = [p for p in resolution.visible if (p.endpoint, p.model) not in served]
    return Offer(
        policy=resolution.policy,
        presets=tuple(usable),
        unavailable=tuple(unavailable),
        default=default_of(usable),
        endpoints=_named_by(usable, endpoints) if resolution.policy.enforce else endpoints,
        resolution=resolution,
    )


def _named_by(
    presets: list[ResolvedPreset], endpoints: tuple[EndpointInfo, ...]
) -> tuple[EndpointInfo, ...]:
    """Only the endpoints and models that presets name."""
    named = {(preset.endpoint, preset.model) for preset in presets}
    narrowed = (
        replace(info, models=tuple(m for m in info.models if (info.name, m) in named))
        for info in endpoints
    )
    return tuple(info for info in narrowed if info.models)


def resolution_for(user_id: str) -> Resolution:
    """Kept in memory for as long as the access stamp is the same and no window opens or closes."""
    snapshot = current_snapshot()
    stamp, cached = _people.get(user_id, ("", None))
    if cached is not None and stamp == snapshot.stamp and _still_holds(cached):
        return cached
    # Groups are read after the stamp: newer ones are read again next time.
    resolution = fresh_resolution(user_id, snapshot, effective_groups(user_id))
    if len(_people) >= CACHED_PEOPLE:
        _people.clear()
    _people[user_id] = (snapshot.stamp, resolution)
    return resolution


# Person → the stamp and what was resolved under it.
_people: dict[str, tuple[str, Resolution]] = {}


def _still_holds(resolution: Resolution) -> bool:
    return resolution.valid_until is None or timezone.now() < resolution.valid_until


def fresh_resolution(
    user_id: str,
    snapshot: Snapshot,
    groups: tuple[EffectiveGroup, ...],
    now: datetime | None = None,
) -> Resolution:
    """``now``: of another moment, to see what will be."""
    return resolve(
        user_id=user_id,
        now=now or timezone.now(),
        policy=snapshot.policy(groups),
        presets=snapshot.presets,
        assignments=snapshot.assignments(user_id, groups),
    )


# -- Enforcing -------------------------------------------------------------------------------


def resolve_turn(
    user: User, *, endpoint: str, model: str, spec: str, settings: JSONDict | None = None
) -> ResolvedTurn:
    """The turn ``user`` may have when they ask for this (contract 01 §6.6).

    Raises DeniedTurn where the rules say no, InvalidRequest with the typed bodies of contract 02
    §7.2 where the model is not theirs to use.
    """
    offer = offer_for(user)
    preset = offer.find(spec) if spec else None
    if preset is not None:
        return _turn_with(preset, offer, endpoint, settings or {})
    if offer.policy.enforce:
        raise DeniedTurn("Invalid model spec" if spec else "No model spec selected", key="text")
    return _free_turn(offer, endpoint, model, settings or {})


def _turn_with(
    preset: ResolvedPreset, offer: Offer, endpoint: str, settings: JSONDict
) -> ResolvedTurn:
    if endpoint and endpoint != preset.endpoint:
        raise DeniedTurn("Model spec mismatch", key="text")
    info = offer.endpoint(preset.endpoint)
    assert info is not None  # noqa: S101 - an offered preset has an offered endpoint
    effective: EffectiveSettings = apply_preset(
        preset,
        settings,
        dialect=dialect_of(info.kind),
        allows_override=offer.policy.allows_override,
    )
    return ResolvedTurn(
        endpoint=info.name,
        is_custom=info.is_custom,
        kind=info.kind,
        model=preset.model,
        label=info.label,
        settings=effective.settings,
        system_message=effective.system_message,
        spec=preset.slug,
        icon_url=str(preset.fields.get("icon_url", "")),
        preset_id=preset.preset.id,
        preset_version=preset.preset.version,
        moved=effective.moved,
    )


def _free_turn(offer: Offer, endpoint: str, model: str, settings: JSONDict) -> ResolvedTurn:
    info = offer.endpoint(endpoint)
    if info is None:
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    if not info.models:
        raise InvalidRequest(type="endpoint_models_not_loaded", info=endpoint)
    chosen = model or info.models[0]
    if chosen not in info.models:
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    return ResolvedTurn(
        endpoint=info.name,
        is_custom=info.is_custom,
        kind=info.kind,
        model=chosen,
        label=info.label,
        settings=settings,
    )
