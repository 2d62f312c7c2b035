"""Gradual roll-outs: a stable part of everybody. Pure."""

import hashlib


def in_rollout(person_id: str, what_id: str, percent: int) -> bool:
    """Whether a person is among the ``percent`` of a hundred; growing it never drops anybody."""
    if percent >= 100:
        return True
    digest = hashlib.sha256(f"{what_id}:{person_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent
