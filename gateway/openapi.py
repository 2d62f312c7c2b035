"""The API and the console as an OpenAPI document, for programs that read such."""

from typing import Any

from gateway.console import document as console
from gateway.formats.openai_chat import MAX_CHOICES, ROLES
from librechat_backend.lib.json import JSONDict

_JSON, _SOUND, _FORM = "application/json", "audio/*", "multipart/form-data"
_TEXT: JSONDict = {"type": "string"}
_WORDS: JSONDict = {"type": "string", "minLength": 1}
_MODEL: JSONDict = {"type": "string", "minLength": 1, "maxLength": 300}
_COUNT: JSONDict = {"type": ["integer", "null"], "minimum": 1, "maximum": 2**53}
_OBJECTS: JSONDict = {"type": ["array", "null"], "items": {"type": "object"}}
_PENALTY: JSONDict = {"type": ["number", "null"], "minimum": -2, "maximum": 2}
_OPTIONAL_TEXT: JSONDict = {"type": ["string", "null"]}
_FLAG: JSONDict = {"type": ["boolean", "null"]}
_ERRORS = ("400", "401", "402", "403", "404", "405", "413", "429", "502", "503", "504")

_SAMPLING: JSONDict = {
    "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
    "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "stream": _FLAG,
    "provider": {
        **_OPTIONAL_TEXT, "description": "An endpoint or kind of service that offers the model.",
    },
}  # fmt: skip


def _object(required: list[str], properties: JSONDict) -> JSONDict:
    return {"type": "object", "required": required, "properties": properties}


_PART = _object(["type"], {"type": _TEXT, "text": _OPTIONAL_TEXT})


def _messages(*roles: str, without_text: bool = False) -> JSONDict:
    """``without_text``: calls of tools may be all a message holds."""
    kinds = [
        _TEXT,
        {"type": "array", "items": _PART},
        *([{"type": "null"}] if without_text else []),
    ]
    content = {"anyOf": kinds, "description": "Text, or parts: texts, pictures, files, results."}
    required = ["role"] if without_text else ["role", "content"]
    message = _object(required, {"role": {"enum": list(roles)}, "content": content})
    return {"type": "array", "minItems": 1, "items": message}


_MESSAGES = _messages(*ROLES, without_text=True)
_TURNS = _messages("user", "assistant")
_SYSTEM: JSONDict = {
    "anyOf": [_OPTIONAL_TEXT, {"type": "array", "items": _object(["text"], {"text": _TEXT})}]
}

_TOKENS: JSONDict = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_INPUTS = [_TEXT, _TOKENS["items"], _TOKENS, {"type": "object"}]
_LISTS = [{"type": "array", "minItems": 1, "items": each} for each in _INPUTS]

_BODIES: dict[str, tuple[str, JSONDict]] = {
    "/v1/chat/completions": (
        "A chat in OpenAI's dialect.",
        _object(
            ["model", "messages"],
            {
                "model": _MODEL, "messages": _MESSAGES, **_SAMPLING,
                "max_tokens": _COUNT, "max_completion_tokens": _COUNT,
                "frequency_penalty": _PENALTY, "presence_penalty": _PENALTY,
                "stop": {"oneOf": [_OPTIONAL_TEXT, {"type": "array", "items": _TEXT}]},
                "n": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_CHOICES},
                "tools": _OBJECTS,
                "stream_options": {
                    "type": ["object", "null"], "properties": {"include_usage": _FLAG}
                },
            },
        ),
    ),
    "/v1/messages": (
        "A chat in Anthropic's dialect.",
        _object(
            ["model", "messages", "max_tokens"],
            {
                "model": _MODEL, "messages": _TURNS, "system": _SYSTEM, **_SAMPLING,
                "max_tokens": {**_COUNT, "type": "integer"},
                "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            },
        ),
    ),
    "/v1/messages/count_tokens": (
        "An estimate of the tokens of a chat in Anthropic's dialect.",
        _object(["model", "messages"], {"model": _MODEL, "messages": _TURNS, "system": _SYSTEM}),
    ),
    "/v1/responses": (
        "OpenAI's Responses; nothing is stored.",
        _object(
            ["model", "input"],
            {
                "model": _MODEL, "instructions": _OPTIONAL_TEXT, "max_output_tokens": _COUNT,
                "input": {
                    "anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": {"type": "object"}}]
                },
                **_SAMPLING,
            },
        ),
    ),
    "/v1/completions": (
        "A text prompt, put to a chat model.",
        _object(
            ["model", "prompt"],
            {
                "model": _MODEL, "max_tokens": _COUNT, **_SAMPLING,
                "prompt": {
                    "anyOf": [
                        _WORDS, {"type": "array", "minItems": 1, "maxItems": 1, "items": _WORDS},
                    ]
                },
            },
        ),
    ),
    "/v1/embeddings": (
        "Vectors of texts.",
        _object(
            ["model", "input"],
            {
                "model": _MODEL, "dimensions": _COUNT,
                "input": {"anyOf": [_WORDS, *_LISTS]},
                "encoding_format": {"enum": ["float", "base64", None]},
            },
        ),
    ),
    "/v1/moderations": (
        "Whether a text is harmful.",
        _object(
            ["input"],
            {
                "model": {**_MODEL, "type": ["string", "null"]},
                "input": {
                    "anyOf": [
                        _TEXT, {"type": "array", "items": _TEXT},
                        {"type": "array", "items": _PART},
                    ]
                },
            },
        ),
    ),
    "/v1/rerank": (
        "Texts by how well they answer a question.",
        _object(
            ["model", "query", "documents"],
            {
                "model": _MODEL, "query": _WORDS, "top_n": _COUNT,
                "documents": {
                    "anyOf": [
                        {"type": "array", "minItems": 1, "items": _TEXT},
                        {"type": "array", "minItems": 1, "items": {"type": "object"}},
                    ]
                },
            },
        ),
    ),
    "/v1/images/generations": (
        "Pictures of a description.",
        _object(["model", "prompt"], {"model": _MODEL, "prompt": _WORDS}),
    ),
    "/v1/audio/speech": (
        "A text, spoken.",
        _object(["model", "input"], {"model": _MODEL, "input": _WORDS}),
    ),
    "/v1/tokenize": (
        "An estimate of the tokens of a text or chat.",
        _object(
            ["model"],
            {
                "model": _MODEL, "messages": {**_MESSAGES, "type": ["array", "null"]},
                "input": {"anyOf": [_OPTIONAL_TEXT, {"type": "array", "items": _TEXT}]},
            },
        ),
    ),
}  # fmt: skip

# Fields are text; other ones are passed on as they are.
_RECORDING = _object(
    ["file", "model"],
    {
        "file": {"type": "string", "format": "binary"}, "model": _MODEL,
        "language": _TEXT, "prompt": _TEXT, "response_format": _TEXT,
    },
)  # fmt: skip
_FORMS: dict[str, tuple[str, JSONDict]] = {
    "/v1/audio/transcriptions": ("What is said in a recording.", _RECORDING),
    "/v1/audio/translations": ("What is said in a recording, in English.", _RECORDING),
}

_QUERIES: dict[str, tuple[str, list[JSONDict]]] = {
    "/v1/models": ("The models and presets of the caller.", []),
    "/v1/models/{id}": (
        "One of them.",
        [{"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}],
    ),
    "/v1/credits": ("What is left of the budgets and the balance calls are paid from.", []),
    "/v1/model-options": ("The same with defaults, bounds and locks of presets.", []),
    "/v1/route-check": (
        "Which channels would be asked, in which order, and why not others.",
        [
            {"name": "model", "in": "query", "required": True, "schema": _MODEL},
            {"name": "provider", "in": "query", "required": False, "schema": _TEXT},
        ],
    ),
}


def document(version: str) -> JSONDict:
    paths: dict[str, JSONDict] = {}
    for path, (summary, body) in _BODIES.items():
        kind = _SOUND if path == "/v1/audio/speech" else _JSON
        paths[path] = {"post": _operation(summary, body, _error_of(path), kind)}
    for path, (summary, form) in _FORMS.items():
        paths[path] = {"post": _operation(summary, None, "Error") | _body(form, _FORM)}
    for path, (summary, parameters) in _QUERIES.items():
        operation = _operation(summary, None, "Error")
        paths[path] = {"get": {**operation, "parameters": parameters}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "LibreChat backend: API and console", "version": version},
        "security": [{"key": []}],
        "paths": paths | console.paths(),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key sk-…"},
                "console": {"type": "http", "scheme": "bearer", "description": "Of the login."},
            },
            "schemas": _SCHEMAS | console.SCHEMAS,
        },
    }


_SCHEMAS: JSONDict = {
    "Error": _object(
        ["error"],
        {
            "error": _object(
                ["message", "type", "param", "code"],
                {"message": _TEXT, "type": _TEXT, "param": {"type": ["string", "null"]},
                 "code": {"type": ["string", "null"]}},
            )
        },
    ),
    "AnthropicError": _object(
        ["type", "error"],
        {"type": {"const": "error"},
         "error": _object(["type", "message"], {"type": _TEXT, "message": _TEXT})},
    ),
}  # fmt: skip


def _error_of(path: str) -> str:
    return "AnthropicError" if path.startswith("/v1/messages") else "Error"


def _operation(summary: str, body: JSONDict | None, error: str, kind: str = _JSON) -> JSONDict:
    answer: JSONDict = {kind: {"schema": {} if kind == _SOUND else {"type": "object"}}}
    if body and "stream" in body["properties"]:
        answer["text/event-stream"] = {"schema": {}}
    responses: dict[str, Any] = {"200": {"description": "The answer.", "content": answer}}
    for status in _ERRORS:
        responses[status] = {"description": "A refusal.", "content": _json(error)}
    operation: JSONDict = {"summary": summary, "responses": responses}
    return operation if body is None else operation | _body(body)


def _json(schema: str) -> JSONDict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _body(schema: JSONDict, kind: str = _JSON) -> JSONDict:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}
