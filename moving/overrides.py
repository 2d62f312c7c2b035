"""``configs``: what administrators of LibreChat set beside librechat.yaml, which outranks it.

What is for everybody is merged into the file before that is loaded. Pure but for reading and
writing files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from librechat_backend.lib.crypto import UndecryptableSecret
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.secrets import Secrets
from moving.sources import Document, Source
from moving.tenants import is_of
from moving.values import items, members, text, texts
from presets.files import MAX_BYTES, read_file

COLLECTION, BASE = "configs", "__base__"
FILE_NAME = "librechat.yaml"
# Roles have these, with what the overrides once said of them.
PERMISSIONS = frozenset({
    "multiConvo", "bookmarks", "memories", "temporaryChat", "runCode", "webSearch", "fileSearch",
    "fileCitations", "prompts", "agents", "skills", "remoteAgents", "mcpServers", "marketplace",
    "schedules", "peoplePicker", "sharedLinks",
})  # fmt: skip
_V3 = re.compile(r"v3:[0-9a-f]{32}:[0-9a-f]+")
_BY_NAME = ("endpoints", "custom")


def overrides_for_all(source: Source, tenant: str) -> list[JSONDict]:
    """Those that hold, the one that counts most at the end."""
    found = [
        each.data
        for each in source.read(COLLECTION)
        if isinstance(each, Document) and is_of(each, tenant) and is_for_all(each.data)
    ]
    return sorted(found, key=_priority)


def is_for_all(config: JSONDict) -> bool:
    return config.get("principalId") == BASE and is_active(config)


def is_active(config: JSONDict) -> bool:
    return config.get("isActive") is not False


def _priority(config: JSONDict) -> float:
    value = config.get("priority")
    return value if isinstance(value, int | float) else 0


def keys_of(config: JSONDict) -> list[str]:
    """``section.key`` of all it says, two levels deep, without what roles have."""
    overrides = without_permissions(members(config.get("overrides")))
    return [
        f"{section}.{key}" if key else section
        for section, value in overrides.items()
        for key in (value if isinstance(value, dict) and value else ("",))
    ]


def without_permissions(overrides: JSONDict) -> JSONDict:
    interface = members(overrides.get("interface"))
    kept = {name: value for name, value in interface.items() if name not in PERMISSIONS}
    rest = {name: value for name, value in overrides.items() if name != "interface"}
    return rest | ({"interface": kept} if kept else {})


# -- Merging ----------------------------------------------------------------------------------


def merged(document: JSONDict, config: JSONDict, secrets: Secrets) -> JSONDict:
    """``document`` as LibreChat would read it under ``config``. Secrets that cannot be opened say
    nothing.
    """
    overrides = _opened(without_permissions(members(config.get("overrides"))), secrets)
    result: JSONDict = _laid_over(document, overrides, ())
    for path in texts(config.get("tombstones")):
        _remove(result, path.split("."))
    return result


def _opened(value: JSONValue, secrets: Secrets) -> JSONValue:
    if isinstance(value, dict):
        return {name: _opened(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [_opened(each, secrets) for each in value]
    if not isinstance(value, str) or not _V3.fullmatch(value):
        return value
    try:
        return secrets.decrypt(value)
    except UndecryptableSecret:
        return None


def _laid_over(below: JSONValue, above: JSONValue, place: tuple[str, ...]) -> JSONValue:
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {
            name: _laid_over(below.get(name), value, (*place, name))
            for name, value in above.items()
        }
    if place == _BY_NAME and isinstance(below, list) and isinstance(above, list):
        return _by_name(below, above)
    return above


def _by_name(below: list[JSONValue], above: list[JSONValue]) -> list[JSONValue]:
    """Endpoints of one's own are known by their names."""
    found = {text(members(each), "name"): each for each in below}
    for each in above:
        name = text(members(each), "name")
        found[name] = _laid_over(found.get(name), each, ())
    return list(found.values())


def _remove(document: JSONDict, path: list[str]) -> None:
    for name in path[:-1]:
        inner = document.get(name)
        if not isinstance(inner, dict):
            return
        document = inner
    document.pop(path[-1], None)


# -- As a file --------------------------------------------------------------------------------


@contextmanager
def with_overrides(
    path: Path | None, configs: list[JSONDict], secrets: Secrets, spool: Path
) -> Iterator[Path | None]:
    """The file to load: ``path`` itself where nothing outranks it. Raises InvalidFile, OSError."""
    if not configs:
        yield path
        return
    document = _read(path) if path is not None else {"version": "1.0.0"}
    for config in configs:
        document = merged(document, config, secrets)
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = spool / FILE_NAME
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file, allow_unicode=True, sort_keys=False)
        yield target
    finally:
        target.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        value = read_file(path.name, file.read(MAX_BYTES + 1)).value
    return value if isinstance(value, dict) else {}


def rules_of(config: JSONDict) -> Mapping[str, JSONValue]:
    """Columns of the rules of a group that the overrides speak of."""
    overrides = members(config.get("overrides"))
    specs, interface = members(overrides.get("modelSpecs")), members(overrides.get("interface"))
    said = {
        "enforce": specs.get("enforce"),
        "prioritize": specs.get("prioritize"),
        "allows_override": interface.get("parameters"),
        "allows_personal_presets": interface.get("presets"),
    }
    found: JSONDict = {name: value for name, value in said.items() if isinstance(value, bool)}
    if interface.get("modelSelect") is False:
        found["added_endpoints"] = []
    elif "addedEndpoints" in specs:
        found["added_endpoints"] = texts(items(specs["addedEndpoints"])) or None
    return found


# What ``rules_of`` takes.
RULES = frozenset({
    "modelSpecs.enforce", "modelSpecs.prioritize", "modelSpecs.addedEndpoints",
    "interface.parameters", "interface.presets", "interface.modelSelect",
})  # fmt: skip
