"""What a person may use: one resolution for the menu, the check of each turn, and the preview."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from accounts.groups import EffectiveGroup, effective_groups
from accounts.models import User
from librechat_backend.lib.errors import AppError, InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.enforcement import EffectiveSettings, apply_preset
from presets.experiments import in_experiment
from presets.fields import dialect_of
from presets.resolution import PolicyData, Resolution, ResolvedPreset, default_of, resolve
from presets.snapshot import Snapshot, Stamps, current_snapshot, current_stamps
from presets.startup import offered_endpoints
from providers import catalog
from providers.catalog import EndpointInfo
from providers.route_table import Principal
from usage.shown import ShownRules

CACHED_PEOPLE = 4096


# Shown as the answer: upstream's words (01 §6.6), and what a person can do about it.
NOT_GIVEN = (
    "Invalid model spec. This preset is not available to you. "
    "Choose another one above, or another model, to go on with this chat."
)
NONE_CHOSEN = "No model spec selected. Choose a preset above to go on."
MOVED = "Model spec mismatch. This preset has changed since. Choose it above again to go on."


class DeniedTurn(AppError):
    """A turn the rules do not allow; the client shows the text as the answer (01 §6.6)."""

    status = 403


@dataclass(frozen=True, slots=True)
class Offer:
    """All a person can choose. ``endpoints`` hold what may be used without a preset, too.

    ``access_stamp`` and ``channel_stamp``: under which it holds, for what else hangs on them.
    ``has_billing``: there are budgets, or rules of credits.
    """

    policy: PolicyData
    presets: tuple[ResolvedPreset, ...]
    unavailable: tuple[ResolvedPreset, ...]
    default: ResolvedPreset | None
    endpoints: tuple[EndpointInfo, ...]
    resolution: Resolution
    principal: Principal
    access_stamp: str = ""
    channel_stamp: str = ""
    shown: ShownRules = ShownRules()
    has_billing: bool = False

    @property
    def listed(self) -> tuple[ResolvedPreset, ...]:
        """What the menu shows; the others are there for those who name them."""
        return tuple(p for p in self.presets if p.is_listed)

    @property
    def opens_models(self) -> bool:
        """Whether models can be chosen besides presets."""
        return not self.policy.enforce and self.policy.added_endpoints != ()

    def find(self, slug: str) -> ResolvedPreset | None:
        return next((preset for preset in self.presets if preset.slug == slug), None)

    def endpoint(self, name: str) -> EndpointInfo | None:
        return next((endpoint for endpoint in self.endpoints if endpoint.name == name), None)


@dataclass(frozen=True, slots=True)
class ResolvedTurn:
    """What a turn really runs on, whatever the request said.

    ``settings`` are the client's names and may be shown; ``system_message`` is private.
    ``moved`` names the parameters that were moved to a bound, with the value asked for; ``groups``
    are the person's, as :class:`Resolution` has them.
    """

    endpoint: str
    is_custom: bool
    kind: str
    model: str
    label: str
    settings: JSONDict = field(default_factory=dict)
    system_message: str = ""
    title_model: str = ""
    spec: str = ""
    icon_url: str = ""
    preset_id: str = ""
    preset_name: str = ""
    preset_version: int = 0
    experiment: str = ""
    variant: str = ""
    moved: dict[str, JSONValue] = field(default_factory=dict)
    groups: tuple[tuple[int, str], ...] = ()
    principal: Principal = Principal()
    access_stamp: str = ""
    channel_stamp: str = ""
    shows_cost: bool = False
    has_billing: bool = False


# -- Offering --------------------------------------------------------------------------------


def offer_for(user: User, stamps: Stamps | None = None) -> Offer:
    """One query while nothing has changed, five where everything has; never more. ``stamps``: where
    the caller has just read them."""
    stamps = stamps or current_stamps()
    groups = _groups_of(user.id, stamps.access)
    principal = principal_of(user.id, groups)
    endpoints = tuple(offered_endpoints(principal, stamps.channels))
    resolution = resolution_for(user.id, groups, served_by(endpoints), stamps.access)
    offer = make_offer(resolution, endpoints, principal)
    return replace(
        offer,
        access_stamp=stamps.access,
        channel_stamp=stamps.channels,
        shown=stamps.shown,
        has_billing=stamps.has_billing,
    )


def principal_of(user_id: str, groups: Iterable[EffectiveGroup]) -> Principal:
    """The person, as channels know people."""
    return Principal(user_id, frozenset(group.id for group in groups))


def _groups_of(user_id: str, stamp: str) -> tuple[EffectiveGroup, ...]:
    """Kept in memory under the stamp, which was read before them."""
    known = _groups.get(user_id)
    if known is None or known[0] != stamp:
        if len(_groups) >= CACHED_PEOPLE:
            _groups.clear()
        known = _groups[user_id] = (stamp, effective_groups(user_id))
    return known[1]


_groups: dict[str, tuple[str, tuple[EffectiveGroup, ...]]] = {}


def served_by(endpoints: Iterable[EndpointInfo]) -> frozenset[tuple[str, str]]:
    """What can be called."""
    return frozenset((info.name, model) for info in endpoints for model in info.models)


def make_offer(
    resolution: Resolution, endpoints: tuple[EndpointInfo, ...], principal: Principal
) -> Offer:
    """A preset whose model no channel serves is not offered: a call would fail."""
    served = served_by(endpoints)
    usable = [p for p in resolution.visible if (p.endpoint, p.model) in served]
    unavailable = [p for p in resolution.visible if (p.endpoint, p.model) not in served]
    return Offer(
        policy=resolution.policy,
        presets=tuple(usable),
        unavailable=tuple(unavailable),
        default=default_of([preset for preset in usable if preset.is_listed]),
        endpoints=_open_endpoints(resolution.policy, usable, endpoints),
        resolution=resolution,
        principal=principal,
    )


def _open_endpoints(
    policy: PolicyData, presets: list[ResolvedPreset], endpoints: tuple[EndpointInfo, ...]
) -> tuple[EndpointInfo, ...]:
    """What the rules leave: the models that presets name, and the endpoints that are added."""
    added = () if policy.enforce else policy.added_endpoints
    if added is None:
        return endpoints
    named = {(preset.endpoint, preset.model) for preset in presets}
    narrowed = (
        info
        if info.name in added
        else replace(info, models=tuple(m for m in info.models if (info.name, m) in named))
        for info in endpoints
    )
    return tuple(info for info in narrowed if info.models)


def resolution_for(
    user_id: str,
    groups: tuple[EffectiveGroup, ...],
    served: frozenset[tuple[str, str]],
    stamp: str,
) -> Resolution:
    """Kept in memory while the access stamp and what is served are the same, and no window opens
    or closes. ``groups`` were read after ``stamp``.
    """
    snapshot = current_snapshot(stamp)
    known = _people.get(user_id)
    if known and known[:2] == (snapshot.stamp, served) and _still_holds(known[2]):
        return known[2]
    resolution = fresh_resolution(user_id, snapshot, groups, served=served)
    if len(_people) >= CACHED_PEOPLE:
        _people.clear()
    _people[user_id] = (snapshot.stamp, served, resolution)
    return resolution


# Person → the stamp, what was served, and what was resolved under both.
_people: dict[str, tuple[str, frozenset[tuple[str, str]], Resolution]] = {}


def _still_holds(resolution: Resolution) -> bool:
    return resolution.valid_until is None or timezone.now() < resolution.valid_until


def fresh_resolution(
    user_id: str,
    snapshot: Snapshot,
    groups: tuple[EffectiveGroup, ...],
    now: datetime | None = None,
    *,
    served: frozenset[tuple[str, str]],
) -> Resolution:
    """``now``: of another moment, to see what will be."""
    resolution = resolve(
        user_id=user_id,
        now=now or timezone.now(),
        policy=snapshot.policy(groups),
        presets=snapshot.presets,
        assignments=snapshot.assignments(user_id, groups),
        served=served,
    )
    visible = tuple(
        in_experiment(preset, user_id, snapshot.presets, served) for preset in resolution.visible
    )
    named = tuple((group.id, group.name) for group in groups)
    return replace(resolution, visible=visible, groups=named)


# -- Enforcing -------------------------------------------------------------------------------


def resolve_turn(
    user: User,
    *,
    endpoint: str,
    model: str,
    spec: str,
    settings: JSONDict | None = None,
    stamps: Stamps | None = None,
) -> ResolvedTurn:
    """The turn ``user`` may have when they ask for this (contract 01 §6.6). ``stamps``: where the
    caller has just read them.

    Raises DeniedTurn where the rules say no, InvalidRequest with the typed bodies of contract 02
    §7.2 where the model is not theirs to use.
    """
    offer = offer_for(user, stamps)
    preset = offer.find(spec) if spec else None
    if preset is not None:
        return _turn_with(preset, offer, endpoint, settings or {})
    # Not the same model without the preset, as upstream has it for names it does not know: its
    # instructions and limits would be missing unseen, and who asks could tell which names exist.
    if spec:
        raise DeniedTurn(NOT_GIVEN, key="text")
    added = offer.policy.added_endpoints
    if offer.policy.enforce or (added is not None and endpoint not in added):
        raise DeniedTurn(NONE_CHOSEN, key="text")
    return _free_turn(offer, endpoint, model, settings or {})


def _turn_with(
    preset: ResolvedPreset, offer: Offer, endpoint: str, settings: JSONDict
) -> ResolvedTurn:
    # Who is moved between variants goes on with the chats they have.
    if endpoint and endpoint not in {preset.endpoint, *preset.other_endpoints}:
        raise DeniedTurn(MOVED, key="text")
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
        title_model=info.title_model,
        settings=effective.settings,
        system_message=effective.system_message,
        spec=preset.slug,
        icon_url=str(preset.fields.get("icon_url", "")),
        preset_id=preset.preset.id,
        preset_name=preset.name,
        preset_version=preset.preset.version,
        experiment=preset.experiment,
        variant=preset.variant,
        moved=effective.moved,
        groups=offer.resolution.groups,
        principal=offer.principal,
        access_stamp=offer.access_stamp,
        channel_stamp=offer.channel_stamp,
        shows_cost=offer.shown.shows_cost,
        has_billing=offer.has_billing,
    )


def _free_turn(offer: Offer, endpoint: str, model: str, settings: JSONDict) -> ResolvedTurn:
    info = offer.endpoint(endpoint)
    if info is None:
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    if not info.models:
        raise InvalidRequest(type="endpoint_models_not_loaded", info=endpoint)
    chosen = model or info.models[0]
    if chosen not in info.models and not _reaches(offer, endpoint, chosen):
        raise InvalidRequest(type="illegal_model_request", info=f"{endpoint}|{model}")
    return ResolvedTurn(
        endpoint=info.name,
        is_custom=info.is_custom,
        kind=info.kind,
        model=chosen,
        label=info.label,
        title_model=info.title_model,
        settings=settings,
        groups=offer.resolution.groups,
        principal=offer.principal,
        access_stamp=offer.access_stamp,
        channel_stamp=offer.channel_stamp,
        shows_cost=offer.shown.shows_cost,
        has_billing=offer.has_billing,
    )


def _reaches(offer: Offer, endpoint: str, model: str) -> bool:
    """Whether a name nobody lists is served all the same, by a name rule, to those who may use
    everything there."""
    is_free = not offer.policy.enforce and offer.policy.added_endpoints is None
    return is_free and catalog.may_call(offer.principal, endpoint=endpoint, model=model)
