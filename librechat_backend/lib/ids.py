"""Identifiers of the wire contract: 24-hex object ids and UUIDs (contract 03 §0.3)."""

import itertools
import re
import secrets
import time
import uuid
from typing import Any

from django.db import models

NO_PARENT = "00000000-0000-0000-0000-000000000000"
OBJECT_ID_LENGTH = 24

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_counter = itertools.count(secrets.randbelow(1 << 24))
_process = secrets.token_hex(5)


def new_object_id() -> str:
    """24 hexadecimal digits: seconds, this process, a counter. Later ids sort later."""
    return f"{int(time.time()):08x}{_process}{next(_counter) & 0xFFFFFF:06x}"


def new_uuid() -> str:
    return str(uuid.uuid4())


def is_object_id(value: object) -> bool:
    return isinstance(value, str) and _OBJECT_ID.fullmatch(value) is not None


def is_uuid(value: object) -> bool:
    """Whether ``value`` is a lower-case UUID in its plain 8-4-4-4-12 form."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


class ObjectIdField(models.CharField):  # type: ignore[type-arg]
    """A primary key of 24 hexadecimal digits, kept as it is when a MongoDB is imported."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", OBJECT_ID_LENGTH)
        kwargs.setdefault("default", new_object_id)
        kwargs.setdefault("primary_key", not kwargs.get("unique"))
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)
