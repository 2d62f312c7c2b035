"""The shapes of answers, for the documentation; tests hold every answer against them."""

from typing import Any

from rest_framework import serializers

from presets.api.bodies import PresetBody, WireSerializer
from presets.models import Assignment


def _nullable_text() -> serializers.CharField:
    return serializers.CharField(allow_null=True)


class Refusal(WireSerializer):
    """``errors``: for each field that is wrong, what is wrong with it."""

    message = serializers.CharField()
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), required=False
    )  # type: ignore[assignment]


class Done(WireSerializer):
    success = serializers.BooleanField()


class Paged(WireSerializer):
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class AssignmentShape(WireSerializer):
    id = serializers.CharField()
    user_id = _nullable_text()
    email = _nullable_text()
    group_id = _nullable_text()
    group = _nullable_text()
    everyone = serializers.BooleanField()
    effect = serializers.ChoiceField(choices=Assignment.Effect.choices)
    is_final = serializers.BooleanField()
    priority = serializers.IntegerField()
    is_default = serializers.BooleanField()
    is_active = serializers.BooleanField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    rollout_percent = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class PresetShape(PresetBody):
    """``systemMessage`` is shown to those who may change the preset."""

    id = serializers.CharField()
    version = serializers.IntegerField()
    can_change = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    assignments = AssignmentShape(many=True, required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        del fields["reason"]
        return fields


class PresetPage(Paged):
    presets = PresetShape(many=True)


class OnePreset(WireSerializer):
    preset = PresetShape()


class CreatedPreset(OnePreset):
    success = serializers.BooleanField()
    id = serializers.CharField()


class Assigned(Done):
    assignments = AssignmentShape(many=True)


class Unassigned(Done):
    removed = serializers.IntegerField()


class GroupShape(WireSerializer):
    _id = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField()
    parent_id = _nullable_text()
    is_active = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]
    member_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GroupPage(Paged):
    groups = GroupShape(many=True)


class OneGroup(WireSerializer):
    group = GroupShape()


class MemberShape(WireSerializer):
    user_id = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    avatar_url = _nullable_text()
    role = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    joined_at = serializers.DateTimeField()


class MemberPage(Paged):
    members = MemberShape(many=True)


class FieldChangeShape(WireSerializer):
    """A member of a group is the field ``member:<user id>``, its value the role."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangeShape(WireSerializer):
    """``userId`` is null for what the server did itself, and for people who are gone."""

    version = serializers.IntegerField()
    what = serializers.ChoiceField(choices=["made", "changed", "deleted"])
    user_id = _nullable_text()
    email = _nullable_text()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    changes = FieldChangeShape(many=True)


class ChangePage(Paged):
    changes = ChangeShape(many=True)


class Rules(WireSerializer):
    allows_personal_presets = serializers.BooleanField(allow_null=True)
    allows_override = serializers.BooleanField(allow_null=True)
    allows_group_presets = serializers.BooleanField(allow_null=True)
    scope_precedence = serializers.ListField(child=serializers.CharField(), allow_null=True)
    enforce = serializers.BooleanField(allow_null=True)
    prioritize = serializers.BooleanField(allow_null=True)
    default_is_soft = serializers.BooleanField(allow_null=True)
    added_endpoints = serializers.ListField(child=serializers.CharField(), allow_null=True)


class PolicyShape(Rules):
    group_id = _nullable_text()


class OnePolicy(WireSerializer):
    policy = PolicyShape()


class RoleShape(WireSerializer):
    _id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()


class RolePage(Paged):
    roles = RoleShape(many=True)


class PersonShape(WireSerializer):
    id = serializers.CharField()
    email = serializers.CharField()
    name = serializers.CharField()


class EffectiveGroupShape(WireSerializer):
    name = serializers.CharField()
    distance = serializers.IntegerField(help_text="0 is a group of one's own, 1 its parent.")


class DecidingShape(WireSerializer):
    id = serializers.CharField()
    scope = serializers.CharField()
    group = _nullable_text()
    distance = serializers.IntegerField()
    effect = serializers.CharField()
    is_final = serializers.BooleanField()
    priority = serializers.IntegerField()


class LoserShape(WireSerializer):
    value = serializers.JSONField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    preset = serializers.CharField()
    version = serializers.IntegerField()
    loss = serializers.CharField()
    why = serializers.CharField()


class BoundsShape(WireSerializer):
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)


class FieldShape(WireSerializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.JSONField(allow_null=True)
    is_private = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]
    preset = serializers.CharField()
    version = serializers.IntegerField()
    is_locked = serializers.BooleanField()
    bounds = BoundsShape(allow_null=True)
    why = serializers.CharField()
    losers = LoserShape(many=True)


class ExplanationShape(WireSerializer):
    """Why a person has a preset or not, and where its values come from."""

    id = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField()
    rule = _nullable_text()
    position = serializers.IntegerField(allow_null=True)
    is_default = serializers.BooleanField()
    why = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())
    assignment = DecidingShape()
    fields = FieldShape(many=True)  # type: ignore[assignment]


class Explained(WireSerializer):
    user = PersonShape()
    presets = ExplanationShape(many=True)


class Preview(Explained):
    groups = EffectiveGroupShape(many=True)
    policy = Rules()
    config = serializers.DictField()
    endpoints = serializers.DictField()
    models = serializers.DictField()


class OutcomeShape(WireSerializer):
    user = PersonShape()
    before = serializers.ListField(child=serializers.CharField())
    after = serializers.ListField(child=serializers.CharField())
    difference = serializers.DictField()


class Simulated(WireSerializer):
    outcomes = OutcomeShape(many=True)


class Quantiles(WireSerializer):
    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)


class UsageSums(WireSerializer):
    """Costs are credits, of which 1,000,000 are 1 USD; times are milliseconds."""

    requests = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    cost_credits = serializers.IntegerField()
    unpriced_requests = serializers.IntegerField()
    zero_priced_requests = serializers.IntegerField()
    cache_hits = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    first_token_ms = Quantiles()
    total_ms = Quantiles()


class UsageRow(UsageSums):
    """``key``: a day, a model, an id, …; null: of people who have gone."""

    key = _nullable_text()
    name = serializers.CharField()


class UsagePage(Paged):
    """The requests of a person count once for each of their groups and all above them where it is
    grouped by group; in ``totals`` nothing counts twice."""

    to = serializers.DateField()
    group_by = serializers.CharField()
    totals = UsageSums()
    usage = UsageRow(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateField(), **super().get_fields()}
