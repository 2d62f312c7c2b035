"""The admin of presets. Importing it registers its pages."""

from presets.admin.assignments import AssignmentAdmin
from presets.admin.banners import BannerAdmin
from presets.admin.groups import GroupAdmin
from presets.admin.policies import PolicyAdmin
from presets.admin.presets import PresetAdmin
from presets.admin.rule_history import RuleChangeAdmin

__all__ = [
    "AssignmentAdmin", "BannerAdmin", "GroupAdmin", "PolicyAdmin", "PresetAdmin", "RuleChangeAdmin",
]  # fmt: skip
