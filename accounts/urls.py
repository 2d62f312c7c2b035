"""Routes below ``api/``."""

from django.urls import path

from accounts.views import access, auth, links, roles, tools, two_factor, user

urlpatterns = [
    path("auth/login", auth.login),
    path("auth/register", auth.register),
    path("auth/refresh", auth.refresh),
    path("auth/logout", auth.logout),
    path("auth/requestPasswordReset", links.request_password_reset),
    path("auth/resetPassword", links.reset_password),
    path("auth/2fa/enable", two_factor.enable),
    path("auth/2fa/verify", two_factor.verify),
    path("auth/2fa/confirm", two_factor.confirm),
    path("auth/2fa/disable", two_factor.disable),
    path("auth/2fa/backup/regenerate", two_factor.regenerate),
    path("auth/2fa/verify-temp", two_factor.verify_temporary),
    path("user", user.current_user),
    path("user/delete", user.delete_account),
    path("user/preferences", user.preferences),
    path("user/verify", links.verify_email),
    path("user/verify/resend", links.resend_verification),
    path("user/terms", user.terms),
    path("user/terms/accept", user.accept_terms),
    path("user/sessions", user.Devices.as_view()),
    path("user/sessions/<str:session_id>", user.device),
    path("user/settings/favorites", user.Favorites.as_view()),
    path("user/settings/favorites/tools", tools.favorite_tools),
    path(
        "user/settings/favorites/tools/<str:item_type>/<path:item_id>",
        tools.FavoriteTools.as_view(),
    ),
    path("user/settings/skills/active", tools.SkillStates.as_view()),
    path("user/plugins", tools.plugin),
    path("user/export", user.export),
    path("user/settings/pinned-order", user.PinnedOrder.as_view()),
    path("roles/<str:name>", roles.role),
    path("roles/<str:name>/<str:feature>", roles.feature),
    path("permissions/search-principals", access.people),
    path("permissions/<str:type>/roles", access.roles),
    path("permissions/<str:type>/effective/all", access.all_effective),
    path("permissions/<str:type>/<str:id>/effective", access.effective),
    path("permissions/<str:type>/<str:id>", access.ResourceAccess.as_view()),
]
