"""REST framework, the description of its endpoints, and other origins."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["librechat_backend.lib.rest.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["librechat_backend.lib.rest.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "librechat_backend.lib.rest.JSONOnly",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS tells nobody how the server is made
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "librechat_backend.lib.rest.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Admin API",
    "DESCRIPTION": "Presets, groups and rules for programs. Names are in camel case; snake case is "
    "taken, too. Sign in with “Authorization: Bearer” and the access token of a person who may.",
    "VERSION": "1",
    "PREPROCESSING_HOOKS": ["presets.api.schema.admin_operations"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/admin",
}
# Nothing under /api or /v1 is authenticated by cookie except /api/auth/refresh, whose cookie is
# SameSite=Strict; credentials are never allowed across origins.
CORS_ALLOW_ALL_ORIGINS = True
CORS_URLS_REGEX = r"^/(api|v1|oauth)/"
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "x-api-key", "x-librechat-generation-protocol",
]  # fmt: skip
