"""Routes below ``api/``."""

from django.urls import path

from accounts.views import auth, roles, user

urlpatterns = [
    path("auth/login", auth.login),
    path("auth/register", auth.register),
    path("auth/refresh", auth.refresh),
    path("auth/logout", auth.logout),
    path("auth/requestPasswordReset", auth.reset_password),
    path("auth/resetPassword", auth.reset_password),
    path("user", user.current_user),
    path("user/verify", auth.verify_email),
    path("user/verify/resend", auth.resend_verification),
    path("user/terms", user.terms),
    path("user/terms/accept", user.accept_terms),
    path("user/settings/favorites", user.Favorites.as_view()),
    path("user/settings/favorites/tools", user.favorite_tools),
    path("user/settings/skills/active", user.active_skills),
    path("user/settings/pinned-order", user.PinnedOrder.as_view()),
    path("roles/<str:name>", roles.role),
]
