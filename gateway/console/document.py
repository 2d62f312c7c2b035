"""The console's part of the OpenAPI document: what it takes and what it answers. Pure."""

from librechat_backend.lib.json import JSONDict
from providers.registry import SERVICES

TEXT: JSONDict = {"type": "string"}
# Something a person can see; control characters beside it are taken for spaces.
NAME: JSONDict = {
    "type": "string", "maxLength": 100, "pattern": r"[^\s\u0000-\u001f\u007f-\u009f]",
}  # fmt: skip
_NAMES: JSONDict = {
    "oneOf": [
        {"type": "string", "maxLength": 20_000, "description": "Commas or line breaks between."},
        {"type": "array", "maxItems": 2000, "items": {"type": "string", "maxLength": 500}},
    ]
}
_SHORT: JSONDict = {"type": "string", "maxLength": 500}
_NUMBER: JSONDict = {"type": "integer", "minimum": 0}
_LIMIT: JSONDict = {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1}
_STATUS: JSONDict = {"enum": [1, 2, None], "description": "1 enabled, 2 switched off."}
_WINDOW: JSONDict = {"enum": ["day", "week", "month", "total", None]}
_CHANNEL_TYPE: JSONDict = {
    "enum": [1, 3, 8, 14, 24, 37, 99, *sorted(SERVICES)],
    "description": "1 OpenAI, 3 Azure, 14 Anthropic, 24 Gemini, 37 Cloudflare, 8 and 99 others.",
}

_TOKEN_BODY: JSONDict = {
    "name": NAME,
    "status": _STATUS,
    "expired_time": {
        "type": ["integer", "null"], "minimum": -1, "maximum": 253_402_300_799,
        "description": "Seconds since 1970; −1 is never.",
    },
    "unlimited_quota": {"type": ["boolean", "null"]},
    "remain_quota": {
        "type": ["integer", "null"], "minimum": 0, "maximum": 2**53 - 1, "description": "Tokens.",
    },
    "quota_window": _WINDOW,
    "model_limits_enabled": {"type": ["boolean", "null"]},
    "model_limits": _NAMES,
    "allow_ips": {
        "oneOf": [*_NAMES["oneOf"], {"type": "null"}],
        "description": "Networks. Empty text: from anywhere; an empty list: from nowhere.",
    },
    "requests_per_minute": _LIMIT,
    "tokens_per_minute": _LIMIT,
    "parallel_requests": _LIMIT,
}  # fmt: skip
_CHANNEL_BODY: JSONDict = {
    "type": _CHANNEL_TYPE,
    "name": NAME,
    "provider": {"enum": sorted(SERVICES), "description": "Instead of the type."},
    "key": {
        "oneOf": [*_NAMES["oneOf"], {"type": "null"}], "writeOnly": True,
        "description": "Several are tried in turn; they take the place of those there are.",
    },
    "base_url": {
        **_SHORT, "type": ["string", "null"], "description": "Empty: the service's own.",
    },
    "models": _NAMES,
    "model_mapping": {
        "anyOf": [
            {"type": "object", "additionalProperties": {**TEXT, "minLength": 1}},
            {"enum": ["", "{}"], "description": "Or the object as text."},
        ]
    },
    "priority": {"type": ["integer", "null"], "minimum": -(2**31) + 1, "maximum": 2**31 - 1},
    "weight": _LIMIT,
    "status": _STATUS,
}  # fmt: skip


def _object(required: list[str], properties: JSONDict) -> JSONDict:
    return {"type": "object", "required": required, "properties": properties}


def _all(properties: JSONDict) -> JSONDict:
    return _object(list(properties), properties)


def _ref(name: str) -> JSONDict:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(name: str) -> JSONDict:
    items = {"type": "array", "items": _ref(name)}
    return _all({"page": _NUMBER, "page_size": _NUMBER, "total": _NUMBER, "items": items})


_USER: JSONDict = {
    "id": TEXT, "username": TEXT, "display_name": TEXT, "email": TEXT,
    "role": {"enum": [1, 10], "description": "1 a person, 10 an administrator."},
    "status": {"const": 1},
    "quota": {"type": ["integer", "null"], "description": "Credits that are left."},
    "used_quota": {**_NUMBER, "description": "Tokens, over all keys and the chat."},
    "request_count": _NUMBER,
    "groups": {"type": "array", "items": TEXT},
}  # fmt: skip
_TOKEN: JSONDict = {
    "id": TEXT, "name": TEXT,
    "key": {**TEXT, "description": "Its beginning; whole in the answer that makes it alone."},
    "status": {"enum": [1, 2, 3], "description": "1 enabled, 2 switched off, 3 expired."},
    "created_time": _NUMBER, "accessed_time": _NUMBER,
    "expired_time": {"type": "integer", "minimum": -1},
    "unlimited_quota": {"type": "boolean"}, "remain_quota": _NUMBER, "quota_window": _WINDOW,
    "model_limits_enabled": {"type": "boolean"}, "model_limits": TEXT,
    "allow_ips": {"type": ["string", "null"]},
    "requests_per_minute": _LIMIT, "tokens_per_minute": _LIMIT, "parallel_requests": _LIMIT,
}  # fmt: skip
_CHANNEL: JSONDict = {
    "id": TEXT, "name": TEXT, "type": _CHANNEL_TYPE, "provider": TEXT, "provider_name": TEXT,
    "status": _STATUS, "base_url": TEXT, "models": TEXT,
    "model_mapping": {"type": "object", "additionalProperties": TEXT},
    "priority": {"type": "integer"}, "weight": {"type": "integer", "minimum": 1},
    "key_count": _NUMBER, "created_time": _NUMBER,
}  # fmt: skip

_KEY_CHECK: JSONDict = {
    "key": {**TEXT, "description": "The end of its id."},
    "model": TEXT,
    "seconds": {"type": "number", "minimum": 0},
    "error": {"type": ["string", "null"], "description": "Null: it answered."},
}

SCHEMAS: JSONDict = {
    "ConsoleUser": _all(_USER),
    "ConsoleSignIn": _all({"token": TEXT, **_USER}),
    "ConsoleToken": _all(_TOKEN),
    "ConsoleTokens": _page("ConsoleToken"),
    "ConsoleChannel": _all(_CHANNEL),
    "ConsoleChannels": _page("ConsoleChannel"),
    "ConsoleKeyChecks": {"type": "array", "items": _all(_KEY_CHECK)},
    "ConsoleNothing": {"type": "null"},
    "ConsoleRefusal": _all(
        {"success": {"const": False}, "message": TEXT, "data": {"type": "null"}}
    ),
}

_SIGN_IN = _object(["username", "password"], {"username": _SHORT, "password": TEXT})
_REGISTRATION = _object(
    ["username", "password"],
    {"username": _SHORT, "password": TEXT, "email": _SHORT, "display_name": _SHORT},
)
_OWN_NAME: JSONDict = {"type": ["string", "null"], "maxLength": 80}

# Path → method → (summary, schema of the body, schema of the answer's data).
_OPERATIONS: dict[str, dict[str, tuple[str, JSONDict | None, str]]] = {
    "/api/user/register": {"post": ("Make an account.", _REGISTRATION, "ConsoleNothing")},
    "/api/user/login": {
        "post": ("Sign in; data.token is the bearer token.", _SIGN_IN, "ConsoleSignIn")
    },
    "/api/user/self": {
        "get": ("Who one is.", None, "ConsoleUser"),
        "put": (
            "Change one's names.",
            _object([], {"display_name": _OWN_NAME, "username": _OWN_NAME}),
            "ConsoleUser",
        ),
    },
    "/api/token": {
        "get": ("One's own keys.", None, "ConsoleTokens"),
        "post": (
            "Make a key; data.key is shown this once.",
            _object(["name"], _TOKEN_BODY),
            "ConsoleToken",
        ),
    },
    "/api/token/{id}": {
        "get": ("One of them.", None, "ConsoleToken"),
        "put": ("Change it.", _object([], _TOKEN_BODY), "ConsoleToken"),
        "delete": ("Delete it.", None, "ConsoleNothing"),
    },
    "/api/channel": {
        "get": ("The channels, for administrators.", None, "ConsoleChannels"),
        "post": (
            "Make a channel.",
            {
                **_object(["name"], _CHANNEL_BODY),
                "anyOf": [{"required": ["type"]}, {"required": ["provider"]}],
            },
            "ConsoleChannel",
        ),
    },
    "/api/channel/{id}": {
        "get": ("One of them.", None, "ConsoleChannel"),
        "put": ("Change it.", _object([], _CHANNEL_BODY), "ConsoleChannel"),
        "delete": ("Delete it.", None, "ConsoleNothing"),
    },
    "/api/channel/{id}/test": {
        "post": ("Ask its first model, with each key.", None, "ConsoleKeyChecks")
    },
    "/api/channel/{id}/fetch-models": {
        "post": ("List what the service offers.", None, "ConsoleChannel")
    },
    "/api/channel/{id}/enable": {"post": ("Switch it on.", None, "ConsoleChannel")},
    "/api/channel/{id}/disable": {"post": ("Switch it off.", None, "ConsoleChannel")},
}
_MADE = frozenset({"/api/user/register", "/api/token", "/api/channel"})
_PUBLIC = frozenset({"/api/user/register", "/api/user/login"})
_REFUSALS = ("400", "401", "403", "404", "405", "409", "413", "415", "429", "502")


def paths() -> JSONDict:
    return {
        path: {method: _operation(path, method, *each) for method, each in methods.items()}
        for path, methods in _OPERATIONS.items()
    }


def _operation(path: str, method: str, summary: str, body: JSONDict | None, data: str) -> JSONDict:
    success = "201" if method == "post" and path in _MADE else "200"
    refusal = {"description": "A refusal.", "content": _json(_ref("ConsoleRefusal"))}
    answer = _all({"success": {"const": True}, "message": {"const": ""}, "data": _ref(data)})
    operation: JSONDict = {
        "summary": summary,
        "tags": ["console"],
        "security": [] if path in _PUBLIC else [{"console": []}],
        "parameters": _parameters(path, data),
        "responses": {
            success: {"description": "Done.", "content": _json(answer)},
            **dict.fromkeys(_REFUSALS, refusal),
        },
    }
    return operation if body is None else operation | _body(body)


def _parameters(path: str, data: str) -> list[JSONDict]:
    if "{id}" in path:
        return [{"name": "id", "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}}]
    if data in ("ConsoleTokens", "ConsoleChannels"):
        return [_query("p", "Which page, from 1.", 10**6), _query("page_size", "Of how many.", 100)]
    return []


def _query(name: str, description: str, maximum: int) -> JSONDict:
    schema = {"type": "integer", "minimum": 1, "maximum": maximum}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _json(schema: JSONDict) -> JSONDict:
    return {"application/json": {"schema": schema}}


def _body(schema: JSONDict) -> JSONDict:
    """A body without any member may be left out."""
    return {"requestBody": {"required": bool(schema["required"]), "content": _json(schema)}}
