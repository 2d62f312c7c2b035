"""Texts that are longer than their columns: shortened, and said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db.models import CharField, Model

from librechat_backend.lib.json import JSONDict
from moving.rows import Row
from moving.tally import Tally
from moving.values import document_id, items, texts

SHORTENED = "“{}” was longer than the {} characters there is room for, and was shortened"
LEFT_EMPTY = "“{}” was longer than the {} characters there is room for, and became empty"
# A part of an address leads nowhere.
ADDRESSES = frozenset({"avatar", "icon_url"})


def fitted(model: type[Model], row: Row, tally: Tally, example: str = "") -> Row:
    """``row`` with the texts for which ``model`` has room; ``example`` names it in the report
    where it has no id yet.
    """
    long = [
        (name, limit)
        for name, limit in _limits(model)
        if isinstance(value := row.get(name), str) and len(value) > limit
    ]
    if not long:
        return row
    shortened = dict(row)
    for name, limit in long:
        is_address = name in ADDRESSES
        shortened[name] = "" if is_address else row[name][:limit]
        what = LEFT_EMPTY if is_address else SHORTENED
        tally.repair(what.format(name, limit), example or str(row["id"]))
    return shortened


@cache
def _limits(model: type[Model]) -> Sequence[tuple[str, int]]:
    return [
        (field.attname, field.max_length)
        for field in model._meta.concrete_fields
        if isinstance(field, CharField) and field.max_length
    ]


def fitting_texts(document: JSONDict, name: str, limit: int, tally: Tally) -> list[str]:
    """As ``texts`` of a member, none of them longer than ``limit``."""
    said = document.get(name)
    if any(isinstance(each, str) and len(each) > limit for each in items(said)):
        tally.repair(SHORTENED.format(name, limit), document_id(document))
    return texts(said, limit)
