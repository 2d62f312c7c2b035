"""The smaller sections of a librechat.yaml → settings, billing rules, and what is kept. Pure."""

from moving.librechat_yaml.plan import Plan
from moving.librechat_yaml.source import Node, flag, one_of, positive, text, texts, whole

UNITS = ("seconds", "minutes", "hours", "days", "weeks", "months")
_LOGINS = ("google", "facebook", "openid", "github", "discord", "apple", "saml")
# Kept as they stand, for the day something reads them.
KEPT = ("mcpServers", "mcpSettings", "actions", "webSearch", "ocr")
_REFUSED = {
    "cache": "What is loaded stands in the database; nothing is cached beyond a change.",
    "turnstile": "There is no captcha here; attempts are limited.",
    "langfuse": "There is no tracing by Langfuse.",
    "skillSync": "There are no skills here.",
    "includedTools": "There are no tools of this kind here.",
    "filteredTools": "There are no tools of this kind here.",
    "messageFilter": "Messages are not filtered here.",
    "filters": "Messages are not filtered here.",
    "fileAnalysis": "Files reach models without words of our own.",
    "permissions": "It is about the inside of LibreChat.",
    "openapi": "Our own interface is described at /api/admin.",
    "cloudfront": "Addresses of files are never signed here; bytes come from disk or S3.",
}
_STORAGES = "Where files are is said by the environment: S3_BUCKET, or nothing for the disk."
_MEMORY_REFUSED = {
    "maxInputTokens": "The model that notes memories reads one message at a time.",
    "messageWindowSize": "The model that notes memories reads one message at a time.",
}


def read_sections(root: Node, plan: Plan) -> None:
    if "version" in root:
        root["version"].take("noted")
    root.refuse_known(_REFUSED)
    for key in KEPT:
        if key in root:
            plan.kept[key] = root[key].value
            root[key].take("kept, encrypted, for later; nothing uses it yet")
    _read_storage(root)
    _read_registration(root["registration"], plan)
    _read_rates(root["rateLimits"], plan)
    _read_balance(root, plan)
    _read_memory(root["memory"], plan)
    _read_summaries(root["summarization"], plan)


def _read_storage(root: Node) -> None:
    if "secureImageLinks" in root:
        links = root["secureImageLinks"]
        links.take("as always") if links.value is True else links.refuse(
            "Pictures are always for their owner alone."
        )
    for key in ("fileStrategy", "fileStrategies"):
        if root[key].value == "local":
            root[key].take("the disk, unless S3_BUCKET says otherwise")
    root.refuse_known(dict.fromkeys(("fileStrategy", "fileStrategies"), _STORAGES))


def _read_registration(node: Node, plan: Plan) -> None:
    for number, child in node["socialLogins"].children:
        if child.value not in _LOGINS:
            child.refuse("There is no such way to sign in.")
        del number
    logins = node.read("socialLogins", texts, "setting: SOCIAL_LOGINS") or []
    known = [name for name in logins if name in _LOGINS]
    if known:
        plan.set("SOCIAL_LOGINS", ",".join(known), node["socialLogins"].key)
    domains = node.read("allowedDomains", texts, "setting: ALLOWED_REGISTRATION_DOMAINS")
    if domains:
        plan.set("ALLOWED_REGISTRATION_DOMAINS", ",".join(domains), node["allowedDomains"].key)
    node.refuse_known(
        {
            "oauthStateTtlMs": "An attempt to sign in lasts ten minutes.",
            "openidDiscovery": "The provider is asked with limits of our own.",
        }
    )


_LIMITS = {
    "ipMax": "IP_MAX",
    "ipWindowInMinutes": "IP_WINDOW",
    "userMax": "USER_MAX",
    "userWindowInMinutes": "USER_WINDOW",
}


def _read_rates(node: Node, plan: Plan) -> None:
    for section, prefix in (("fileUploads", "FILE_UPLOAD"), ("conversationsImport", "IMPORT")):
        for key, suffix in _LIMITS.items():
            name = f"{prefix}_{suffix}"
            value = node[section].read(key, positive, f"setting: {name}")
            if value is not None:
                plan.set(name, value, node[section][key].key)
    fixed = "Speech is limited to 50 a minute for a person and 100 for an address."
    node.refuse_known({"tts": fixed, "stt": fixed})


def _read_balance(root: Node, plan: Plan) -> None:
    checks = {
        "enabled": ("has_balances", flag),
        "startBalance": ("start_credits", whole),
        "autoRefillEnabled": ("auto_refill", flag),
        "refillIntervalValue": ("refill_interval_value", positive),
        "refillIntervalUnit": ("refill_interval_unit", one_of(*UNITS)),
        "refillAmount": ("refill_credits", whole),
    }
    plan.billing |= root["balance"].fields(checks, "billing rules: {}")
    enabled = root["transactions"]["enabled"]
    if enabled.value is True:
        enabled.take("as always")
    elif "enabled" in root["transactions"]:
        enabled.refuse("Each movement is always written down.")


def _read_memory(node: Node, plan: Plan) -> None:
    rights = "right of the roles: MEMORIES"
    if node.read("disabled", flag, rights):
        bits = ("USE", "CREATE", "UPDATE", "READ", "OPT_OUT")
        plan.roles |= {f"MEMORIES.{bit}": False for bit in bits}
    personalize = node.read("personalize", flag, f"{rights}.OPT_OUT")
    if personalize is not None and "MEMORIES.OPT_OUT" not in plan.roles:
        plan.roles["MEMORIES.OPT_OUT"] = personalize
    for key, name in (("tokenLimit", "MEMORY_TOKEN_LIMIT"), ("charLimit", "MEMORY_CHAR_LIMIT")):
        value = node.read(key, positive, f"setting: {name}")
        if value is not None:
            plan.set(name, value, node[key].key)
    keys = node.read("validKeys", texts, "setting: MEMORY_KEYS")
    if keys:
        plan.set("MEMORY_KEYS", ",".join(keys), node["validKeys"].key)
    node.refuse_known(_MEMORY_REFUSED)
    _read_memory_agent(node["agent"], plan)


def _read_memory_agent(node: Node, plan: Plan) -> None:
    node.refuse_known(
        {
            "id": "Agents are set up here, not in the file.",
            "instructions": "The words are our own.",
            "model_parameters": "Parameters are our own.",
        }
    )
    if node.read("enabled", flag, "setting: MEMORY_MODEL is there, or not") is False:
        node.refuse_known(dict.fromkeys(("provider", "model"), "It is switched off."))
        return
    for key, name in (("provider", "MEMORY_ENDPOINT"), ("model", "MEMORY_MODEL")):
        value = node.read(key, text, f"setting: {name}")
        if value:
            plan.set(name, "openAI" if value == "openai" else value, node[key].key)


def _read_summaries(node: Node, plan: Plan) -> None:
    enabled = node.read("enabled", flag, "setting: SUMMARIZE_HISTORY")
    if enabled is not None:
        plan.set("SUMMARIZE_HISTORY", enabled, node["enabled"].key)
    model = node.read("model", text, "setting: SUMMARY_MODEL")
    if model:
        plan.set("SUMMARY_MODEL", model, node["model"].key)
    words = "How summaries are made is our own; see the documentation of SUMMARIZE_HISTORY."
    names = (
        "provider", "parameters", "trigger", "prompt", "updatePrompt", "reserveRatio",
        "maxSummaryTokens", "contextPruning", "retainRecent",
    )  # fmt: skip
    node.refuse_known(dict.fromkeys(names, words))
