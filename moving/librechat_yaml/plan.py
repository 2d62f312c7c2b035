"""What a librechat.yaml asks for, in our own words. Pure."""

from dataclasses import dataclass, field

from librechat_backend.lib.json import JSONDict, JSONValue
from presets.files import Place


@dataclass
class ChannelPlan:
    """``mark`` names it for later runs. ``fields`` are columns; ``secret`` None: it needs none, or
    there is none yet. ``prices`` are model → columns of a price."""

    mark: str
    place: Place
    fields: JSONDict
    secret: str | None = None
    prices: dict[str, JSONDict] = field(default_factory=dict)
    fetches_models: bool = False

    @property
    def name(self) -> str:
        return str(self.fields["name"])


@dataclass
class PresetPlan:
    """Given to everyone; ``given`` are options of the assignment."""

    place: Place
    slug: str
    fields: JSONDict
    given: JSONDict


@dataclass
class Setting:
    """A variable of our environment, and the key it stands for."""

    name: str
    value: str
    key: str


@dataclass
class Plan:
    """``roles``: ``{"PROMPTS.USE": True}``, for USER and ADMIN. ``kept``: sections nothing uses
    yet."""

    channels: list[ChannelPlan] = field(default_factory=list)
    presets: list[PresetPlan] = field(default_factory=list)
    policy: JSONDict = field(default_factory=dict)
    policy_places: dict[str, Place] = field(default_factory=dict)
    roles: dict[str, bool] = field(default_factory=dict)
    files: JSONDict = field(default_factory=dict)
    endpoint_files: dict[str, JSONDict] = field(default_factory=dict)
    billing: JSONDict = field(default_factory=dict)
    # Inside the operator's own network, and allowed.
    hosts: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    kept: dict[str, JSONValue] = field(default_factory=dict)

    def set(self, name: str, value: object, key: str) -> None:
        """A setting; the last word counts."""
        said = ("true" if value else "false") if isinstance(value, bool) else str(value)
        self.settings = [each for each in self.settings if each.name != name]
        self.settings.append(Setting(name, said, key))
