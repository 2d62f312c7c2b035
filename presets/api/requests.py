"""From checked bodies to the arguments of services."""

from collections.abc import Mapping
from typing import Any, cast

from accounts.models import User
from librechat_backend.lib.errors import InvalidFields
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.api.lookups import find_group, find_preset
from presets.fields import LOOKS
from presets.services import COLUMNS, AssignmentOptions, default_fields
from presets.spelling import with_inner_names

_NULLABLE = ("max_output_tokens", "max_context_tokens", "cache_seconds", *LOOKS)


def preset_fields(user: User, body: JSONDict, *, is_whole: bool = False) -> JSONDict:
    """For save_preset. ``is_whole``: what the body leaves out gets its default.

    The short name stays: it is what the client remembers. Raises InvalidFields.
    """
    fields: JSONDict = default_fields() if is_whole else {}
    given = {name: body[name] for name in COLUMNS if name in body}
    fields |= {name: _empty_if_null(name, value) for name, value in given.items()}
    if "extends" in body:
        reference = body["extends"]
        fields["extends"] = find_preset(user, reference, "extends") if reference else None
    if "owner_group_id" in body:
        reference = body["owner_group_id"]
        fields["owner_group"] = find_group(reference, "owner_group_id") if reference else None
    return with_inner_names(fields)


def _empty_if_null(name: str, value: JSONValue) -> JSONValue:
    return "" if value is None and name not in _NULLABLE else value


def assignment_options(body: Mapping[str, Any]) -> AssignmentOptions:
    known = AssignmentOptions.__annotations__
    return cast(AssignmentOptions, {name: body[name] for name in known if name in body})


def first_options(body: JSONDict) -> AssignmentOptions:
    """Of the assignments a new preset comes with. Raises InvalidFields where nobody holds them."""
    options = assignment_options(
        {name: body[name] for name in ("priority", "is_default") if name in body}
    )
    names = ("user_id", "group_id", "user_ids", "group_ids", "everyone")
    if not any(body.get(name) for name in names):
        lost = [name for name, value in options.items() if value]
        if lost:
            message = "This belongs to an assignment: say whom the preset is given to."
            raise InvalidFields({name: [message] for name in lost})
    return options
