"""The report for people: as text for a terminal, and as a page."""

from collections.abc import Iterator

from django.template.loader import render_to_string

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONValue
from moving.librechat_yaml.environment import Reading
from moving.librechat_yaml.plan import Setting
from moving.librechat_yaml.report import Report
from moving.librechat_yaml.source import Fate
from moving.terminal import printable
from presets.differences import Difference, FieldDifference, Verb

_SIGNS = {Verb.ADD: "+", Verb.CHANGE: "~", Verb.REMOVE: "-"}
_LONGEST = 100


def as_text(report: Report, *, everything: bool) -> Iterator[str]:
    """Line by line; ``everything``: what was taken as it stands, too."""
    return map(printable, _text(report, everything=everything))


def _text(report: Report, *, everything: bool) -> Iterator[str]:
    for difference in report.differences:
        yield from _difference(difference)
    yield from _section("Changed here since, and kept:", _by_hand(report))
    yield from _section("No longer in the file; it stays:", report.gone)
    yield from _section("Variables that are missing:", _missing(report))
    settings = [_shown_setting(each) for each in report.settings]
    yield from _section("To be set in this server’s environment (.env), then restart:", settings)
    keys = "What became of the keys:" if everything else "Not taken, or not as it was:"
    yield from _section(keys, _keys(report, everything=everything))
    yield from _section("The old environment:", _variables(report, everything=everything))
    yield report.summary


def _keys(report: Report, *, everything: bool) -> list[str]:
    fates = tuple(Fate) if everything else (Fate.CHANGED, Fate.REFUSED, Fate.UNKNOWN)
    return [f"line {line.line}, {line.key}: {line.fate}. {line.text}" for line in report.of(*fates)]


def _variables(report: Report, *, everything: bool) -> list[str]:
    shown = tuple(Reading) if everything else (Reading.REFUSED, Reading.UNKNOWN, Reading.TRANSLATED)
    return [f"{v.name}: {v.reading}. {v.text}" for v in report.variables if v.reading in shown]


def as_page(report: Report) -> str:
    """A page that stands alone."""
    context = {
        "report": report,
        "differences": [list(_difference(each)) for each in report.differences],
        "by_hand": _by_hand(report),
        "missing": _missing(report),
        "settings": [setting_line(each) for each in report.settings],
    }
    return render_to_string("moving/librechat_yaml.html", context)


def setting_line(setting: Setting) -> str:
    """As a line of a .env file."""
    value = setting.value
    if value.isascii() and value.replace(",", "").replace(".", "").replace("-", "").isalnum():
        return f"{setting.name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{setting.name}="{escaped}"'


def _shown_setting(setting: Setting) -> str:
    line = setting_line(setting)
    if len(line) <= 2 * _LONGEST:
        return line
    return f"{line[: 2 * _LONGEST]}… (--write-env writes all of it)"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _difference(difference: Difference) -> Iterator[str]:
    yield f"{_SIGNS[difference.verb]} {difference.what} {difference.name}"
    for field in difference.fields:
        yield f"    {_field(field, difference.verb)}"


def _field(field: FieldDifference, verb: Verb) -> str:
    after = _short(field.after)
    if verb is Verb.ADD:
        return f"{field.name}: {after}"
    return f"{field.name}: {_short(field.before)} → {after}"


def _by_hand(report: Report) -> list[str]:
    return [line for each in report.by_hand for line in _kept(each)]


def _kept(difference: Difference) -> Iterator[str]:
    name = f"{difference.what} {difference.name}"
    if difference.verb is Verb.REMOVE:
        yield f"{name} was deleted here"
    for field in difference.fields:
        yield f"{name}, {field.name}: {_short(field.before)}; the file: {_short(field.after)}"


def _missing(report: Report) -> list[str]:
    return [f"{name}: for {', '.join(keys)}" for name, keys in sorted(report.missing.items())]


def _short(value: JSONValue) -> str:
    if value is None or value == "":
        return "nothing"
    text = " ".join((value if isinstance(value, str) else json.dumps(value).decode()).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
