"""What loading a librechat.yaml did, and what it could not do."""

from dataclasses import dataclass, field

from moving.librechat_yaml.environment import Variable
from moving.librechat_yaml.plan import Setting
from moving.librechat_yaml.source import Fate, Line
from presets.differences import Difference, Verb


@dataclass
class Report:
    """``by_hand``: what people have changed since the last run, and kept; ``missing``: variable →
    keys that wanted it; ``settings``: variables this server's environment still has to say."""

    file: str
    is_dry: bool = False
    differences: list[Difference] = field(default_factory=list)
    by_hand: list[Difference] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)
    # What came from the file before and is no longer in it; it stays.
    gone: list[str] = field(default_factory=list)
    # Channels whose models the file says to fetch.
    fetchable: list[str] = field(default_factory=list)

    def of(self, *fates: Fate) -> list[Line]:
        return [line for line in self.lines if line.fate in fates]

    @property
    def summary(self) -> str:
        count = {verb: sum(each.verb is verb for each in self.differences) for verb in Verb}
        told = f"{count[Verb.ADD]} added, {count[Verb.CHANGE]} changed"
        refused = len(self.of(Fate.REFUSED, Fate.UNKNOWN))
        told += f", {len(self.by_hand)} kept as they were changed here, {refused} keys not taken"
        return f"{told}: tried out, nothing was saved." if self.is_dry else f"{told}."
