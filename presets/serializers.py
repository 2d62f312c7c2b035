"""Start-up answers in the client's words (contract 01 §5)."""

from collections.abc import Mapping, Sequence

from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import to_iso
from presets.fields import dialect_of, to_wire
from presets.models import PersonalPreset
from presets.resolution import ResolvedPreset
from presets.resolver import Offer
from presets.startup import SignInOptions, Workspace
from providers.catalog import EndpointInfo

_PUBLIC_OFF: JSONDict = {
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
    "showBirthdayIcon": False,
    "fileUploadSseEnabled": False,
    "sharePointFilePickerEnabled": False,
    "langfuseFanoutEnabled": False,
    "langfuseConnectionAccess": False,
}

_INTERFACE: JSONDict = {
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


def config_to_wire(
    options: SignInOptions, workspace: Workspace | None, offer: Offer | None
) -> JSONDict:
    """``GET /api/config``; without ``workspace`` and ``offer`` the variant for strangers (§5.1)."""
    public: JSONDict = {
        "appTitle": options.app_title,
        "serverDomain": options.server_domain,
        "emailLoginEnabled": options.allows_email_login,
        "registrationEnabled": options.allows_registration,
        "passwordResetEnabled": options.allows_password_reset,
        "emailEnabled": options.sends_mail,
        "minPasswordLength": options.min_password_length,
        **_PUBLIC_OFF,
        "interface": {"buildInfo": False},
    }
    if workspace is None or offer is None:
        return public
    return public | _workspace_to_wire(workspace) | _offer_to_wire(offer)


def _workspace_to_wire(workspace: Workspace) -> JSONDict:
    config: JSONDict = {
        **_SIGNED_IN_OFF,
        "allowAccountDeletion": workspace.allows_account_deletion,
        "helpAndFaqURL": workspace.help_url,
        "titleGenerationTiming": "immediate",
        "conversationImportMaxFileSize": 0,
    }
    if workspace.custom_footer:  # an empty one would hide the client's own footer
        config["customFooter"] = workspace.custom_footer
    if workspace.admin_url:
        config["adminPanelURL"] = workspace.admin_url
    return config


def _offer_to_wire(offer: Offer) -> JSONDict:
    """What the policy opens, and the presets (§5.2, §6)."""
    policy = offer.policy
    # Complete on purpose: a key that is missing means "off" for some and "on" for others.
    interface = _INTERFACE | {
        "modelSelect": not policy.enforce,
        "parameters": policy.allows_override,
        "presets": policy.allows_personal_presets and not policy.enforce,
    }
    if not offer.presets:
        return {"interface": interface}
    specs = [spec_to_wire(preset, offer, order=order) for order, preset in enumerate(offer.presets)]
    return {
        "interface": interface,
        "modelSpecs": {"enforce": policy.enforce, "prioritize": policy.prioritize, "list": specs},
    }


def spec_to_wire(preset: ResolvedPreset, offer: Offer, *, order: int) -> JSONDict:
    """One entry of ``modelSpecs.list`` (§6.2–6.3), without what is private."""
    fields = preset.fields
    endpoint = offer.endpoint(preset.endpoint)
    settings = to_wire(fields, dialect_of(endpoint.kind if endpoint else ""))
    custom = {"endpointType": "custom"} if endpoint and endpoint.is_custom else {}
    spec: JSONDict = {
        "name": preset.slug,
        "label": preset.name,
        "order": order,
        "preset": {
            "endpoint": preset.endpoint,
            **custom,
            "model": preset.model,
            **_given(fields, greeting="greeting", modelLabel="model_label"),
            **settings,
        },
        **_given(
            fields,
            description="description",
            group="menu_group",
            groupIcon="menu_group_icon",
            iconURL="icon_url",
            conversation_starters="conversation_starters",
        ),
    }
    return spec | {"default": True} if preset is offer.default else spec


def _given(fields: Mapping[str, JSONValue], **names: str) -> JSONDict:
    return {wire: fields[name] for wire, name in names.items() if fields.get(name)}


def endpoints_to_wire(endpoints: Sequence[EndpointInfo]) -> JSONDict:
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


def models_to_wire(endpoints: Sequence[EndpointInfo]) -> JSONDict:
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


def personal_preset_to_wire(preset: PersonalPreset) -> JSONDict:
    """A personal preset (03 §1.3); ``user`` must be there, or the client asks for ever."""
    wire: JSONDict = {
        **preset.settings,
        "_id": preset.id,
        "presetId": preset.preset_id,
        "user": preset.user_id,
        "title": preset.title,
        "endpoint": preset.endpoint or None,
        "createdAt": to_iso(preset.created_at),
        "updatedAt": to_iso(preset.updated_at),
    }
    optional = {
        "endpointType": preset.endpoint_type,
        "model": preset.model,
        "spec": preset.spec,
        "iconURL": preset.icon_url,
    }
    wire |= {name: value for name, value in optional.items() if value}
    if preset.is_default:
        wire |= {"defaultPreset": True, "order": preset.order}
    return wire
