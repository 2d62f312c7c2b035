"""The Range header of a request for bytes (RFC 9110 §14). Pure."""

import re
from dataclasses import dataclass

_SINGLE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Section:
    """From byte ``start`` to before ``end``."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The section begins behind the end."""


def parse_range(header: str, size: int) -> Section | None:
    """None: the whole, which is also the answer to what is not understood or has many parts.

    Raises Unsatisfiable.
    """
    match = _SINGLE.fullmatch(header.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return Section(start, end)
