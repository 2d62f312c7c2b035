"""Ids and addresses of what is taken over, derived from where it comes from. Pure.

So a second run finds what the first has written, and needs no table to remember it.
"""

import hashlib
import re
from dataclasses import dataclass

DEFAULT_DOMAIN = "moved.invalid"  # an address at which nobody can ever receive anything
_REFUSED = re.compile(r"[^a-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Names:
    """``installation`` tells several old servers apart; ``domain`` is that of made-up addresses."""

    installation: str
    domain: str = DEFAULT_DOMAIN

    def id_of(self, kind: str, source_id: int | str) -> str:
        """24 hexadecimal digits."""
        text = f"new-api\0{self.installation}\0{kind}\0{source_id}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def reference(self, source_id: int) -> str:
        """Of the credits of one person, in the ledger."""
        return f"import:new-api:{self.installation}:{source_id}"

    def address_for(self, username: str, source_id: int) -> str:
        """For somebody who had only a user name."""
        local = _REFUSED.sub("-", username.lower()).strip("-.")[:60]
        return f"{local or f'user-{source_id}'}@{self.domain}"
