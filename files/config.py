"""What a person may upload, resolved from the rules of their groups. Pure but for its one reader.

Contract 04 §1.3: the same rules decide here and, sent by ``/api/files/config``, in the client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.groups import effective_groups
from accounts.models import User
from accounts.models.stamp import current_stamp
from files.media_types import FAMILIES, is_allowed, known_families, matches
from files.models import FileRules

MEGABYTE = 1024**2
# The client has limits of its own for these names, unless it is told others.
BUILT_IN_KEYS = ("agents", "custom", "anthropic", "assistants", "azureAssistants")


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Sizes are in bytes; ``families`` are names of files/media_types.py. ``patterns`` for media
    types hold instead of them, where there are some.
    """

    is_enabled: bool = True
    file_limit: int = 10
    file_bytes: int = 512 * MEGABYTE
    total_bytes: int = 512 * MEGABYTE
    families: tuple[str, ...] = tuple(FAMILIES)
    patterns: tuple[str, ...] | None = None

    def takes(self, media_type: str) -> bool:
        if self.patterns is not None:
            return matches(media_type, self.patterns)
        return is_allowed(media_type, self.families)


@dataclass(frozen=True, slots=True)
class Shrinking:
    """Whether browsers make pictures smaller; None: as each person chooses. Sizes in pixels."""

    is_on: bool | None = None
    width: int | None = None
    height: int | None = None
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class FileConfig:
    """``quota_bytes`` and ``retention_days`` None: no limit."""

    default: EndpointLimits = EndpointLimits()
    endpoints: Mapping[str, EndpointLimits] = field(default_factory=dict)
    avatar_bytes: int = 2 * MEGABYTE
    text_token_limit: int = 100_000
    quota_bytes: int | None = None
    retention_days: int | None = None
    shrinking: Shrinking = Shrinking()
    image_format: str = FileRules.ImageFormat.AUTO

    @property
    def largest_file_bytes(self) -> int:
        return max(each.file_bytes for each in (self.default, *self.endpoints.values()))

    def limits_for(self, endpoint: str, endpoint_type: str = "") -> EndpointLimits:
        """Those of an endpoint's own name, in whatever case, or else of its type."""
        names = {name.lower(): limits for name, limits in self.endpoints.items()}
        for name in (endpoint.lower(), endpoint_type.lower()):
            if name in names:
                return names[name]
        return self.default


def config_for(user: User) -> FileConfig:
    """At most three queries, two while nothing has changed."""
    by_group = _current_rules()
    groups = [group.id for group in effective_groups(user.id)]
    return resolve([by_group[key] for key in (*groups, None) if key in by_group])


_cached: tuple[str, dict[int | None, FileRules]] | None = None


def _current_rules() -> dict[int | None, FileRules]:
    """The rules of each group that has some; None stands for everyone."""
    global _cached
    # The stamp is read before the rows: rows newer than it are read again next time.
    stamp = current_stamp()
    cached = _cached
    if cached is None or cached[0] != stamp:
        rows = FileRules.objects.prefetch_related("endpoints")
        cached = _cached = (stamp, {row.group_id: row for row in rows})
    return cached[1]


_SHRINKING = ("shrinks_pictures", "picture_width", "picture_height", "picture_quality")


def resolve(nearest_first: Sequence[FileRules]) -> FileConfig:
    """Each rule from the nearest group that has it."""
    default = _merged(EndpointLimits(), nearest_first)
    own: dict[str, list[Any]] = {}
    for rules in nearest_first:
        for endpoint in rules.endpoints.all():
            own.setdefault(endpoint.endpoint, []).append(endpoint)
    config = FileConfig(
        default=default,
        endpoints={name: _merged(default, rows) for name, rows in own.items()},
        image_format=_first(nearest_first, "image_format") or FileRules.ImageFormat.AUTO,
        quota_bytes=_in_bytes(_first(nearest_first, "quota_megabytes")),
        retention_days=_first(nearest_first, "retention_days"),
        shrinking=Shrinking(*(_first(nearest_first, name) for name in _SHRINKING)),
    )
    return replace(
        config,
        avatar_bytes=_in_bytes(_first(nearest_first, "avatar_megabytes")) or config.avatar_bytes,
        text_token_limit=_first(nearest_first, "text_token_limit") or config.text_token_limit,
    )


def _merged(base: EndpointLimits, rows: Sequence[Any]) -> EndpointLimits:
    """``rows`` are FileRules or EndpointRules, the nearest first."""
    families, patterns = _types(rows)
    found = {
        "is_enabled": _first(rows, "is_enabled"),
        "file_limit": _first(rows, "file_limit"),
        "file_bytes": _in_bytes(_first(rows, "file_megabytes")),
        "total_bytes": _in_bytes(_first(rows, "total_megabytes")),
        "families": families,
    }
    if families is not None or patterns is not None:
        base = replace(base, patterns=patterns)
    return replace(base, **{name: value for name, value in found.items() if value is not None})


def _types(rows: Sequence[Any]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Families and patterns of the nearest that says one of them."""
    for row in rows:
        if row.patterns is not None:
            return None, tuple(row.patterns)
        if (families := known_families(row.families)) is not None:
            return tuple(families), None
    return None, None


def _first(rows: Iterable[Any], name: str) -> Any:
    values = (getattr(row, name) for row in rows)
    return next((value for value in values if value not in (None, "")), None)


def _in_bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MEGABYTE
