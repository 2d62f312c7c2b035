"""``interface`` → rights of the roles, rules, and settings. Pure."""

from accounts.permissions import BUILT, Bit, PermissionType
from moving.librechat_yaml.plan import Plan
from moving.librechat_yaml.source import (
    Node,
    WrongValue,
    flag,
    needs,
    number,
    one_of,
    positive,
    text,
    texts,
)

_USE = {
    "multiConvo": PermissionType.MULTI_CONVO,
    "bookmarks": PermissionType.BOOKMARKS,
    "memories": PermissionType.MEMORIES,
    "temporaryChat": PermissionType.TEMPORARY_CHAT,
    "runCode": PermissionType.RUN_CODE,
    "webSearch": PermissionType.WEB_SEARCH,
    "fileSearch": PermissionType.FILE_SEARCH,
    "fileCitations": PermissionType.FILE_CITATIONS,
}
_FOUR = {"use": Bit.USE, "create": Bit.CREATE, "share": Bit.SHARE, "public": Bit.SHARE_PUBLIC}
_BITS = {
    "prompts": (PermissionType.PROMPTS, _FOUR),
    "agents": (PermissionType.AGENTS, _FOUR),
    "skills": (PermissionType.SKILLS, _FOUR),
    "remoteAgents": (PermissionType.REMOTE_AGENTS, _FOUR),
    "mcpServers": (PermissionType.MCP_SERVERS, _FOUR | {"configureObo": Bit.CONFIGURE_OBO}),
    "marketplace": (PermissionType.MARKETPLACE, {"use": Bit.USE}),
    "schedules": (PermissionType.SCHEDULES, {"use": Bit.USE, "create": Bit.CREATE}),
    "peoplePicker": (
        PermissionType.PEOPLE_PICKER,
        {"users": Bit.VIEW_USERS, "groups": Bit.VIEW_GROUPS, "roles": Bit.VIEW_ROLES},
    ),
    "sharedLinks": (
        PermissionType.SHARED_LINKS,
        {"create": Bit.CREATE, "share": Bit.SHARE, "public": Bit.SHARE_PUBLIC},
    ),
}
# What always is one way here.
_ALWAYS = {"contextUsage": True, "autoSubmitFromUrl": True, "buildInfo": False}
_REFUSED = {
    "retainAgentFiles": "Files are kept by the upload rules.",
    "generalChatRetention": "Chats are kept, or RETENTION_MODE ends them all.",
    "defaultPinnedTools": "There are no tools to pin.",
    "traceViewer": "There is no viewer of traces.",
    "feedback": "Feedback on answers is always possible.",
    "codeHighlightThrottleMs": "It is not sent to the client.",
}


def read_interface(root: Node, plan: Plan) -> None:
    node = root["interface"]
    if node.value is not None and not needs(node, dict, "Names of switches are"):
        return
    _read_menu(node, plan)
    for key, type_ in _USE.items():
        _grant(node, key, type_, Bit.USE, plan)
    for key, (type_, bits) in _BITS.items():
        _read_bits(node, key, type_, bits, plan)
    _read_texts(node, plan)
    _read_retention(node, plan)
    _read_costs(node, plan)
    for key, usual in _ALWAYS.items():
        _read_always(node, key, usual)
    node.refuse_known(_REFUSED)


def _read_always(node: Node, key: str, usual: bool) -> None:
    if key not in node:
        return
    if node[key].value is usual:
        node[key].take("as always")
    else:
        node[key].refuse(f"It is always {str(usual).lower()} here.")


# -- The menu --------------------------------------------------------------------------------


def _read_menu(node: Node, plan: Plan) -> None:
    """LibreChat hides models, parameters and personal presets where there are specs."""
    specs = node.source.root["modelSpecs"]
    added = specs.read("addedEndpoints", texts, "rules: added_endpoints")
    selects = node.read("modelSelect", flag, "rules: added_endpoints")
    adjusts = node.read("parameters", flag, "rules: allows_override")
    saves = node.read("presets", flag, "rules: allows_personal_presets")
    has_specs = bool(plan.presets)
    if not has_specs and all(each is None for each in (added, selects, adjusts, saves)):
        return
    if selects is None:
        selects = bool(added) or not has_specs
    if selects:
        plan.policy["added_endpoints"] = added or None
    else:
        plan.policy["added_endpoints"] = []
    plan.policy_places["added_endpoints"] = (*specs.place, "addedEndpoints")
    plan.policy["allows_override"] = not has_specs if adjusts is None else adjusts
    plan.policy["allows_personal_presets"] = not has_specs if saves is None else saves


# -- Rights ----------------------------------------------------------------------------------


def _read_bits(
    node: Node, key: str, type_: PermissionType, bits: dict[str, Bit], plan: Plan
) -> None:
    """``prompts: false`` is the right to use them; a mapping says more."""
    if isinstance(node[key].value, bool):
        first = next(iter(bits.values()))
        _grant(node, key, type_, first, plan)
        return
    for name, bit in bits.items():
        _grant(node[key], name, type_, bit, plan)
    node[key].refuse_known(
        {
            "defaultActiveOnShare": "There are no skills here.",
            "placeholder": "Tool servers have no texts of their own here.",
            "trustCheckbox": "Tool servers have no texts of their own here.",
        }
    )


def _grant(node: Node, key: str, type_: PermissionType, bit: Bit, plan: Plan) -> None:
    effect = "" if (type_, bit) in BUILT else ", without effect until the feature is built"
    value = node.read(key, flag, f"right of the roles: {type_}.{bit}{effect}")
    if value is not None:
        plan.roles[f"{type_}.{bit}"] = value


# -- Texts -----------------------------------------------------------------------------------


def _read_texts(node: Node, plan: Plan) -> None:
    _setting(node, "customWelcome", "CUSTOM_WELCOME", plan)
    for key, name in (("privacyPolicy", "PRIVACY_POLICY"), ("termsOfService", "TERMS_OF_SERVICE")):
        _setting(node[key], "externalUrl", f"{name}_URL", plan)
        if "openNewTab" in node[key]:
            opens = node[key]["openNewTab"]
            opens.take("as always") if opens.value is True else opens.refuse(
                "Links always open beside the chat."
            )
    terms = node["termsOfService"]
    _setting(terms, "modalTitle", "TERMS_OF_SERVICE_TITLE", plan)
    if terms.read("modalAcceptance", flag, "setting: TERMS_OF_SERVICE_TEXT is there, or not"):
        content = terms.read("modalContent", _content, "setting: TERMS_OF_SERVICE_TEXT")
        if content:
            plan.set("TERMS_OF_SERVICE_TEXT", content, terms["modalContent"].key)
    else:
        terms.refuse_known({"modalContent": "Nobody has to accept it: modalAcceptance is off."})


def _content(node: Node) -> str:
    parts = texts(node) if isinstance(node.value, list) else [text(node)]
    content = "\n".join(parts)
    if "${" in content:
        raise WrongValue("A text with ${…} cannot stand in a .env file; enter it by hand.")
    return content


def _setting(node: Node, key: str, name: str, plan: Plan) -> None:
    value = node.read(key, _content, f"setting: {name}")
    if value is not None:
        plan.set(name, value, node[key].key)


def _read_retention(node: Node, plan: Plan) -> None:
    hours = node.read("temporaryChatRetention", positive, "setting: TEMPORARY_CHAT_RETENTION")
    if hours is not None:
        plan.set("TEMPORARY_CHAT_RETENTION", hours, node["temporaryChatRetention"].key)
    mode = node.read("retentionMode", one_of("temporary", "all"), "setting: RETENTION_MODE")
    if mode is not None:
        plan.set("RETENTION_MODE", mode, node["retentionMode"].key)
    links = node["sharedLinks"]
    snapshots = links.read("snapshotFiles", flag, "setting: SHARED_LINKS_SNAPSHOT_FILES")
    if snapshots is not None:
        plan.set("SHARED_LINKS_SNAPSHOT_FILES", snapshots, links["snapshotFiles"].key)


def _read_costs(node: Node, plan: Plan) -> None:
    shows = node.read("contextCost", flag, "billing rules: shows_cost")
    if shows is not None:
        plan.billing["shows_cost"] = shows
    checks = {"code": ("currency_code", _code), "rate": ("currency_rate", number)}
    plan.billing |= node["currency"].fields(checks, "billing rules: {}")


def _code(node: Node) -> str:
    code = text(node).upper()
    if len(code) != 3 or not code.isalpha():
        raise WrongValue("A code of three letters is expected here.")
    return code
