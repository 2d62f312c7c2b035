"""The admin of presets. Importing it registers its pages."""

from presets.admin.assignments import AssignmentAdmin
from presets.admin.groups import GroupAdmin
from presets.admin.policies import PolicyAdmin
from presets.admin.presets import PresetAdmin

__all__ = ["AssignmentAdmin", "GroupAdmin", "PolicyAdmin", "PresetAdmin"]
