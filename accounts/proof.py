"""What shows that a person has their second factor (contract 01 §4.8)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """What a person typed: a code of the app, or a backup code. Empty: not given."""

    code: str = ""
    backup_code: str = ""
