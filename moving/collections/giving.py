"""Presets given to people who could use the agents they were made of."""

from presets.models import Assignment, Preset
from presets.services import assignment_state, remember_assignment


def give(
    preset: str,
    *,
    user: str | None = None,
    group: int | None = None,
    priority: int = 0,
    effect: Assignment.Effect = Assignment.Effect.ALLOW,
) -> bool:
    """To everyone where neither is named; whether it is there and was not given before.

    Inside changing_rules(). Past the checks of a preset's model: that may come later.
    """
    row = Assignment.objects.filter(preset=preset, user=user, group=group).first()
    if row is not None or not Preset.objects.filter(pk=preset).exists():
        return False
    row = Assignment.objects.create(
        preset_id=preset, user_id=user, group_id=group, priority=priority, effect=effect
    )
    remember_assignment(None, row, None, assignment_state(row))
    return True
