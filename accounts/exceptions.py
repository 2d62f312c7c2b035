"""What can be wrong with a change of accounts."""

from librechat_backend.lib.errors import Conflict, InvalidFields


class InvalidGroup(InvalidFields):
    """Errors stand beside ``name``, ``slug``, ``description``, ``parent``, ``role``."""


class GroupInUse(Conflict):
    """A group with groups below it cannot be deleted."""
