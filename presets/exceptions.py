"""What can be wrong with a change of presets."""

from librechat_backend.lib.errors import Conflict, InvalidFields


class InvalidPreset(InvalidFields):
    """Errors stand beside the preset's fields; of a parameter as ``parameters.temperature``."""


class InvalidAssignment(InvalidFields):
    """Errors stand beside the assignment's fields."""


class InvalidPolicy(InvalidFields):
    """Errors stand beside the rules."""


class PresetInUse(Conflict):
    """A preset that others extend cannot be deleted."""
