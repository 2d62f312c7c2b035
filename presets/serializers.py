"""Start-up answers in the client's words (contract 01 §5)."""

from collections.abc import Mapping

from librechat_backend.lib.json import JSONDict
from presets.startup import SignInOptions, Workspace
from providers.catalog import EndpointInfo

_PUBLIC_OFF: JSONDict = {
    "passwordResetEnabled": False,
    "emailEnabled": False,
    "socialLoginEnabled": False,
    "socialLogins": [],
    "googleLoginEnabled": False,
    "facebookLoginEnabled": False,
    "githubLoginEnabled": False,
    "discordLoginEnabled": False,
    "appleLoginEnabled": False,
    "openidLoginEnabled": False,
    "openidLabel": "Continue with OpenID",
    "openidAutoRedirect": False,
    "samlLoginEnabled": False,
    "ldap": {"enabled": False},
    "turnstile": {},
}

_SIGNED_IN_OFF: JSONDict = {
    "balance": {"enabled": False},
    "sharedLinksEnabled": False,
    "publicSharedLinksEnabled": False,
    "sharedLinksSnapshotFilesEnabled": False,
    "allowAccountDeletion": False,
    "showBirthdayIcon": False,
    "fileUploadSseEnabled": False,
    "sharePointFilePickerEnabled": False,
    "langfuseFanoutEnabled": False,
    "langfuseConnectionAccess": False,
}

# Complete on purpose: a key that is missing means "off" for some and "on" for others (§5.2).
_INTERFACE: JSONDict = {
    "modelSelect": True,
    "parameters": True,
    "presets": False,
    "autoSubmitFromUrl": True,
    "contextUsage": True,
    "contextCost": False,
    "buildInfo": False,
    "defaultPinnedTools": [],
    "skills": {"defaultActiveOnShare": False},
}

# An explicit empty list: without the key the client assumes every capability (04 §0.2).
_AGENTS_OFF: JSONDict = {"capabilities": [], "disableBuilder": True, "order": 99}

_CATEGORIES = (
    "idea", "travel", "teach_or_explain", "write", "shop", "code", "misc", "roleplay", "finance",
)  # fmt: skip


def config_to_wire(options: SignInOptions, workspace: Workspace | None) -> JSONDict:
    """``GET /api/config``; ``workspace`` None is the variant for strangers (§5.1 A)."""
    public: JSONDict = {
        "appTitle": options.app_title,
        "serverDomain": options.server_domain,
        "emailLoginEnabled": options.allows_email_login,
        "registrationEnabled": options.allows_registration,
        "minPasswordLength": options.min_password_length,
        **_PUBLIC_OFF,
        "interface": {"buildInfo": False},
    }
    return public if workspace is None else public | _workspace_to_wire(workspace)


def _workspace_to_wire(workspace: Workspace) -> JSONDict:
    config: JSONDict = {
        **_SIGNED_IN_OFF,
        "interface": _INTERFACE,
        "helpAndFaqURL": workspace.help_url,
        "titleGenerationTiming": "immediate",
        "conversationImportMaxFileSize": 0,
    }
    if workspace.custom_footer:  # an empty one would hide the client's own footer
        config["customFooter"] = workspace.custom_footer
    if workspace.admin_url:
        config["adminPanelURL"] = workspace.admin_url
    return config


def endpoints_to_wire(endpoints: list[EndpointInfo]) -> JSONDict:
    """``GET /api/endpoints`` (§5.4)."""
    offered = {endpoint.name: _endpoint_to_wire(endpoint) for endpoint in endpoints}
    return offered | {"agents": _AGENTS_OFF}


def _endpoint_to_wire(endpoint: EndpointInfo) -> JSONDict:
    entry: JSONDict = {"order": endpoint.order, "userProvide": False}
    if endpoint.is_custom:
        entry |= {"type": "custom", "modelDisplayLabel": endpoint.label}
    if endpoint.icon_url:
        entry["iconURL"] = endpoint.icon_url
    return entry


def models_to_wire(endpoints: list[EndpointInfo]) -> JSONDict:
    """``GET /api/models`` (§5.5)."""
    return {endpoint.name: list(endpoint.models) for endpoint in endpoints} | {"agents": []}


def context_windows_to_wire(windows: Mapping[str, Mapping[str, int]]) -> JSONDict:
    """``GET /api/endpoints/token-config`` (§5.6)."""
    return {
        endpoint: {model: {"context": tokens} for model, tokens in models.items()}
        for endpoint, models in windows.items()
    }


def categories_to_wire() -> list[JSONDict]:
    """``GET /api/categories`` (03 §13.12); the labels are keys of the client's translations."""
    return [{"label": f"com_ui_{value}", "value": value} for value in _CATEGORIES]
