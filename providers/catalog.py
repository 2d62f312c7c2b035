"""What can be chosen: endpoints and their models. For sync views and database threads."""

from dataclasses import dataclass

from providers import windows
from providers.registry import BUILT_IN_ENDPOINTS, SERVICES
from providers.routing import ChannelSnapshot
from providers.snapshots import current_channels

__all__ = ["EndpointInfo", "context_window", "find_endpoint", "list_endpoints", "max_output_tokens"]

context_window = windows.context_window
max_output_tokens = windows.max_output_tokens


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """One entry of the model menu. ``order`` counts from 0; the lowest is the default."""

    name: str
    is_custom: bool
    label: str
    icon_url: str
    order: int
    kind: str
    models: tuple[str, ...]


def list_endpoints() -> list[EndpointInfo]:
    """Endpoints in menu order; channels of one name are one endpoint with all their models."""
    by_name: dict[str, list[ChannelSnapshot]] = {}
    for channel in sorted(current_channels(), key=_menu_position):
        if channel.models:
            by_name.setdefault(channel.endpoint, []).append(channel)
    return [_merged(order, channels) for order, channels in enumerate(by_name.values())]


def find_endpoint(name: str) -> EndpointInfo | None:
    return next((endpoint for endpoint in list_endpoints() if endpoint.name == name), None)


def _menu_position(channel: ChannelSnapshot) -> tuple[int, int]:
    return (list(SERVICES).index(channel.kind), -channel.priority)


def _merged(order: int, channels: list[ChannelSnapshot]) -> EndpointInfo:
    first = channels[0]
    service = SERVICES[first.kind]
    is_own_name = first.endpoint == service.endpoint
    return EndpointInfo(
        name=first.endpoint,
        is_custom=first.endpoint not in BUILT_IN_ENDPOINTS,
        label=service.label if is_own_name else first.endpoint,
        icon_url=service.icon_url,
        order=order,
        kind=first.kind,
        models=tuple(dict.fromkeys(model for channel in channels for model in channel.models)),
    )
