"""What can be chosen: endpoints and their models. For sync views and database threads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers import windows
from providers.registry import BUILT_IN_ENDPOINTS, SERVICES
from providers.route_table import ChannelSnapshot, Principal, RouteQuery, RouteTable
from providers.routing import fallbacks, meant, rule_for, serves
from providers.snapshots import current_table

MODEL_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """One entry of the model menu. ``order`` counts from 0; the lowest is the default.

    ``stands_for``: of names among ``models`` that are not models themselves, what they mean.
    ``title_model``: who makes the titles of chats; empty: nobody special.
    """

    name: str
    is_custom: bool
    label: str
    icon_url: str
    order: int
    kind: str
    models: tuple[str, ...]
    stands_for: tuple[tuple[str, tuple[str, ...]], ...] = ()
    title_model: str = ""

    def context_window(self, model: str) -> int:
        """In tokens; of a name that stands for two models, that of the smaller one."""
        meant_by_it = dict(self.stands_for).get(model, (model,))
        return min(map(windows.context_window, meant_by_it))


def list_endpoints(
    principal: Principal | None = None, channel_stamp: str | None = None
) -> list[EndpointInfo]:
    """Endpoints in menu order; channels of one name are one endpoint with all their models.

    ``principal`` None: all there is, for those who configure it. ``channel_stamp``: where it has
    been read already.
    """
    table = current_table(channel_stamp)
    whose = Principal(is_operator=True) if principal is None else principal
    by_name: dict[str, list[ChannelSnapshot]] = {}
    for channel in sorted(table.channels, key=_menu_position):
        if any(map(_can_be_kept, channel.models)) and channel.is_open_to(whose):
            by_name.setdefault(channel.endpoint, []).append(channel)
    names = _further_names(table, list(by_name.values()), whose)
    return [
        _merged(order, channels, _with_meanings(table, names.get(channels[0].endpoint, ())))
        for order, channels in enumerate(by_name.values())
    ]


def find_endpoint(name: str) -> EndpointInfo | None:
    return next((endpoint for endpoint in list_endpoints() if endpoint.name == name), None)


def may_call(principal: Principal, *, endpoint: str, model: str) -> bool:
    """Whether a call would find a channel; names nobody lists may be served by a name rule."""
    return serves(current_table(), RouteQuery(model, principal, endpoint))


def context_window(table: RouteTable, model: str) -> int:
    """As :meth:`EndpointInfo.context_window`, for who has only the name."""
    return min(map(windows.context_window, _models_meant(table, model)))


max_output_tokens = windows.max_output_tokens


def _models_meant(table: RouteTable, name: str) -> tuple[str, ...]:
    queries = (RouteQuery(name, is_hard=is_hard) for is_hard in (False, True))
    return tuple(dict.fromkeys(meant(table, query) for query in queries))


def _further_names(
    table: RouteTable, open_channels: list[list[ChannelSnapshot]], principal: Principal
) -> dict[str, list[str]]:
    """Endpoint → names shown there that no channel lists: aliases, where the first of their models
    that is served is, and the single names among the name rules."""
    found: dict[str, list[str]] = {}
    single = (rule.pattern for rule in table.rules if rule.is_one_name)
    for name in dict.fromkeys([*table.aliases, *single]):
        for endpoint in _homes(table, RouteQuery(name, principal), open_channels):
            found.setdefault(endpoint, []).append(name)
    return found


def _with_meanings(table: RouteTable, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {name: _models_meant(table, name) for name in names}


def _homes(
    table: RouteTable, query: RouteQuery, open_channels: list[list[ChannelSnapshot]]
) -> list[str]:
    for name in (meant(table, query), *fallbacks(table, query)):
        homes = [
            channels[0].endpoint
            for channels in open_channels
            if any(name in channel.models for channel in channels)
        ]
        if homes:
            return homes
        if rule := rule_for(table, name, query):
            return [c.endpoint for c in table.channels if c.id == rule.channel_id]
    return []


def _menu_position(channel: ChannelSnapshot) -> tuple[int, int, int]:
    return (channel.menu_order, list(SERVICES).index(channel.kind), -channel.priority)


def _first(channels: Iterable[ChannelSnapshot], name: str) -> str:
    return next((value for each in channels if (value := getattr(each, name))), "")


def _can_be_kept(model: str) -> bool:
    """Whether chats, presets and the log have room for the name."""
    return len(model) <= MODEL_MAX_LENGTH


def _merged(
    order: int, channels: list[ChannelSnapshot], aliases: Mapping[str, tuple[str, ...]]
) -> EndpointInfo:
    first = channels[0]
    service = SERVICES[first.kind]
    is_own_name = first.endpoint == service.endpoint
    listed = [model for channel in channels for model in channel.models if _can_be_kept(model)]
    return EndpointInfo(
        name=first.endpoint,
        is_custom=first.endpoint not in BUILT_IN_ENDPOINTS,
        label=_first(channels, "menu_label") or (service.label if is_own_name else first.endpoint),
        icon_url=_first(channels, "icon_url") or service.icon_url,
        order=order,
        kind=first.kind,
        models=tuple(dict.fromkeys([*listed, *aliases])),
        stands_for=tuple(aliases.items()),
        title_model=_first(channels, "title_model"),
    )
