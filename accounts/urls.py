"""Routes below ``api/``."""

from django.urls import path

from accounts.views import auth, links, roles, user

urlpatterns = [
    path("auth/login", auth.login),
    path("auth/register", auth.register),
    path("auth/refresh", auth.refresh),
    path("auth/logout", auth.logout),
    path("auth/requestPasswordReset", links.request_password_reset),
    path("auth/resetPassword", links.reset_password),
    path("user", user.current_user),
    path("user/verify", links.verify_email),
    path("user/verify/resend", links.resend_verification),
    path("user/terms", user.terms),
    path("user/terms/accept", user.accept_terms),
    path("user/sessions", user.Devices.as_view()),
    path("user/sessions/<str:session_id>", user.device),
    path("user/settings/favorites", user.Favorites.as_view()),
    path("user/settings/favorites/tools", user.favorite_tools),
    path("user/settings/skills/active", user.active_skills),
    path("user/settings/pinned-order", user.PinnedOrder.as_view()),
    path("roles/<str:name>", roles.role),
]
