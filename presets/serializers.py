"""Start-up answers in the client's words (contract 01 §5)."""

from collections.abc import Mapping, Sequence

from accounts.identity.configuration import PROVIDERS, SignInButtons
from librechat_backend.lib.json import JSONDict, JSONValue
from librechat_backend.lib.times import to_iso
from presets.banners import harmless
from presets.fields import LOOKS, dialect_of, to_wire
from presets.models import Banner, PersonalPreset
from presets.resolution import ResolvedPreset
from presets.resolver import Offer
from presets.startup import SignInOptions, Terms, Workspace
from providers.catalog import EndpointInfo
from providers.speech import chats
from usage.pricing import PriceData, usd
from usage.serializers import balances_to_wire
from usage.shown import ShownRules

_SIGNED_IN_OFF: JSONDict = {
    "showBirthdayIcon": False,
    "sharePointFilePickerEnabled": False,
    "langfuseFanoutEnabled": False,
    "langfuseConnectionAccess": False,
}

_INTERFACE: JSONDict = {
    "autoSubmitFromUrl": True,
    "contextUsage": True,
    "buildInfo": False,
    "defaultPinnedTools": [],
    "skills": {"defaultActiveOnShare": False},
}

# An explicit list: without the key the client assumes every capability (04 §0.2). ``context`` is
# uploading as text.
_AGENTS_OFF: JSONDict = {"capabilities": ["context"], "disableBuilder": True, "order": 99}

_CATEGORIES = (
    "idea", "travel", "teach_or_explain", "write", "shop", "code", "misc", "roleplay", "finance",
)  # fmt: skip


def config_to_wire(
    options: SignInOptions,
    workspace: Workspace | None = None,
    offer: Offer | None = None,
) -> JSONDict:
    """``GET /api/config``; without the others the variant for strangers (§5.1)."""
    public: JSONDict = {
        "appTitle": options.app_title,
        "serverDomain": options.server_domain,
        "emailLoginEnabled": options.allows_email_login,
        "registrationEnabled": options.allows_registration,
        "passwordResetEnabled": options.allows_password_reset,
        "emailEnabled": options.sends_mail,
        "minPasswordLength": options.min_password_length,
        **_buttons_to_wire(options.buttons),
        "turnstile": {},
        "interface": {"buildInfo": False, **_legal_to_wire(options, None)},
    }
    if workspace is None or offer is None:
        return public
    legal = _legal_to_wire(options, workspace.terms)
    return (
        public
        | _workspace_to_wire(workspace)
        | {"balance": balances_to_wire(offer.shown)}
        | _offer_to_wire(offer, workspace, legal)
    )


def _legal_to_wire(options: SignInOptions, terms: Terms | None) -> JSONDict:
    """Links of the footer, and the dialog in which the terms are accepted (§5.2)."""
    legal: JSONDict = {}
    if options.privacy_policy_url:
        legal["privacyPolicy"] = {"externalUrl": options.privacy_policy_url, "openNewTab": True}
    if options.terms_url:
        legal["termsOfService"] = {"externalUrl": options.terms_url, "openNewTab": True}
    if terms and terms.text:
        legal["termsOfService"] = legal.get("termsOfService", {}) | {
            "modalAcceptance": True,
            "modalTitle": terms.title,
            "modalContent": terms.text,
        }
    return legal


def _buttons_to_wire(buttons: SignInButtons) -> JSONDict:
    """Ways to sign in other than with a password of ours (§4.11, §5.1)."""
    optional = {
        "openidImageUrl": buttons.openid_image_url,
        "samlLabel": buttons.saml_label,
        "samlImageUrl": buttons.saml_image_url,
    }
    directory: JSONDict = {"enabled": buttons.asks_directory}
    if buttons.directory_uses_username:
        directory["username"] = True
    return {
        "socialLoginEnabled": buttons.is_shown,
        "socialLogins": list(buttons.order) if buttons.is_shown else [],
        **{f"{name}LoginEnabled": name in buttons.available for name in PROVIDERS},
        "openidLabel": buttons.openid_label,
        "openidAutoRedirect": buttons.openid_redirects_at_once,
        **{name: value for name, value in optional.items() if value},
        "ldap": directory,
    }


def _workspace_to_wire(workspace: Workspace) -> JSONDict:
    config: JSONDict = {
        **_SIGNED_IN_OFF,
        "allowAccountDeletion": workspace.allows_account_deletion,
        "sharedLinksEnabled": workspace.allows_shared_links,
        "publicSharedLinksEnabled": workspace.allows_public_links,
        "sharedLinksSnapshotFilesEnabled": workspace.shares_files,
        "fileUploadSseEnabled": workspace.streams_uploads,
        "helpAndFaqURL": workspace.help_url,
        "titleGenerationTiming": "immediate",
        "conversationImportMaxFileSize": workspace.import_bytes_max,
    }
    if workspace.custom_footer:  # an empty one would hide the client's own footer
        config["customFooter"] = workspace.custom_footer
    if workspace.admin_url:
        config["adminPanelURL"] = workspace.admin_url
    return config


def _offer_to_wire(offer: Offer, workspace: Workspace, legal: JSONDict) -> JSONDict:
    """What the policy opens, and the presets (§5.2, §6)."""
    policy = offer.policy
    # Complete on purpose: a key that is missing means "off" for some and "on" for others.
    interface = _INTERFACE | {
        # Without a name in the list the client would offer all endpoints.
        "modelSelect": offer.opens_models,
        "parameters": policy.allows_override,
        "presets": policy.allows_personal_presets and not policy.enforce,
        "retentionMode": workspace.retention_mode,
        "temporaryChatRetention": workspace.retention_hours,
        **({"customWelcome": workspace.custom_welcome} if workspace.custom_welcome else {}),
        **_money_to_wire(offer.shown),
        **legal,
    }
    if not offer.listed:
        return {"interface": interface}
    specs = [spec_to_wire(preset, offer, order=order) for order, preset in enumerate(offer.listed)]
    added = policy.added_endpoints
    return {
        "interface": interface,
        "modelSpecs": {
            "enforce": policy.enforce,
            "prioritize": policy.prioritize,
            "list": specs,
            **({"addedEndpoints": list(added)} if added and not policy.enforce else {}),
        },
    }


def _money_to_wire(shown: ShownRules) -> JSONDict:
    """Costs in the gauge (§5.2); prices come with token-config, costs with each answer."""
    if not shown.shows_cost:
        return {"contextCost": False}
    currency = {"code": shown.currency_code, "rate": shown.currency_rate}
    return {"contextCost": True, "currency": currency}


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
    spec |= {look.wire: fields[name] for name, look in LOOKS.items() if name in fields}
    if preset is not offer.default:
        return spec
    return spec | {"softDefault" if offer.policy.default_is_soft else "default": True}


def _given(fields: Mapping[str, JSONValue], **names: str) -> JSONDict:
    return {wire: fields[name] for wire, name in names.items() if fields.get(name)}


def endpoints_to_wire(endpoints: Sequence[EndpointInfo]) -> JSONDict:
    """``GET /api/endpoints`` (§5.4); not those that only listen or speak."""
    chatting = (endpoint for endpoint in endpoints if any(map(chats, endpoint.models)))
    offered = {endpoint.name: _endpoint_to_wire(endpoint) for endpoint in chatting}
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
    chosen_from = {info.name: list(filter(chats, info.models)) for info in endpoints}
    return {name: models for name, models in chosen_from.items() if models} | {"agents": []}


def token_config_to_wire(
    windows: Mapping[str, Mapping[str, int]], prices: Mapping[tuple[str, str], PriceData]
) -> JSONDict:
    """``GET /api/endpoints/token-config`` (§5.6), in USD for a million tokens."""
    return {
        endpoint: {
            model: {"context": tokens, **_price_to_wire(prices.get((endpoint, model)))}
            for model, tokens in models.items()
        }
        for endpoint, models in windows.items()
    }


def _price_to_wire(price: PriceData | None) -> JSONDict:
    if price is None:
        return {}
    rates = price.rates
    told = {
        "prompt": rates.input,
        "completion": rates.output,
        "cacheWrite": rates.cache_write,
        "cacheRead": rates.cache_read,
    }
    return {name: usd(credits) for name, credits in told.items() if credits is not None}


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


def banner_to_wire(banner: Banner) -> JSONDict:
    """Contract 03 §1.11."""
    return {
        "_id": banner.pk,
        "bannerId": banner.banner_id,
        "message": harmless(banner.message),
        "displayFrom": to_iso(banner.display_from),
        "displayTo": to_iso(banner.display_to),
        "type": banner.kind,
        "isPublic": banner.is_public,
        "persistable": banner.is_persistent,
        "createdAt": to_iso(banner.created_at),
        "updatedAt": to_iso(banner.updated_at),
    }
