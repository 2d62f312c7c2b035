"""Routes below ``api/``."""

from django.urls import path

from presets.api.views import docs, groups, history, insight, presets, usage

urlpatterns = [
    path("admin/presets", presets.Presets.as_view()),
    path("admin/presets/<str:preset_id>", presets.PresetDetail.as_view()),
    path("admin/presets/<str:preset_id>/assign", presets.PresetAssignments.as_view()),
    path("admin/presets/<str:preset_id>/unassign", presets.PresetUnassignments.as_view()),
    path("admin/presets/<str:preset_id>/history", history.PresetHistory.as_view()),
    path("admin/presets/<str:preset_id>/revert", history.PresetRevert.as_view()),
    path("admin/presets/<str:preset_id>/assignments/history", history.AssignmentHistory.as_view()),
    path("admin/presets/<str:preset_id>/assignments/revert", history.AssignmentRevert.as_view()),
    path("admin/groups", groups.Groups.as_view()),
    path("admin/groups/<str:group_id>", groups.GroupDetail.as_view()),
    path("admin/groups/<str:group_id>/members", groups.Members.as_view()),
    path("admin/groups/<str:group_id>/members/<str:user_id>", groups.MemberDetail.as_view()),
    path("admin/groups/<str:group_id>/history", history.GroupHistory.as_view()),
    path("admin/groups/<str:group_id>/revert", history.GroupRevert.as_view()),
    path("admin/policy", groups.Rules.as_view()),
    path("admin/policy/history", history.PolicyHistory.as_view()),
    path("admin/policy/revert", history.PolicyRevert.as_view()),
    path("admin/users/<str:user_id>/preview", insight.Preview.as_view()),
    path("admin/explain", insight.Explain.as_view()),
    path("admin/simulate", insight.Simulate.as_view()),
    path("admin/roles", insight.Roles.as_view()),
    path("admin/usage", usage.Usage.as_view()),
    path("schema", docs.schema),
    path("docs", docs.page),
]
