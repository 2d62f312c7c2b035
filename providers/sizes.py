"""How many tokens a request is, before a provider counts them: an estimate, and the most. Pure.

No tokenizer makes more tokens than the text has bytes, so that is the most of any text. What
pictures, documents and sound become is decided by each provider; docs/ledger.md says what is
assumed.
"""

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONValue
from providers.tokens import estimate_tokens
from providers.types import (
    ChatRequest,
    DocumentPart,
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.vision import most_image_tokens
from providers.windows import known_window

MESSAGE_OVERHEAD_TOKENS = 4
# What a provider may tell a model of its own accord: how tools are called, how JSON is written.
_OVERHEAD_TOKENS = 1000
# Of a document whose size nobody knows, or what a provider's own tools find, for a model whose
# window nobody knows.
_UNKNOWN_WINDOW_TOKENS = 1_000_000
_TEXTS = "text/"
# Of a page: its text, beside which models are shown its picture; and what it takes at least, for
# pages and sheets are compressed.
_PAGE_TOKENS, _LEAST_PAGE_BYTES = 3_000, 1_000
# The JSON around a tool's name, description and schema.
_TOOL_SHELL_TOKENS = 80


def request_tokens(request: ChatRequest) -> int:
    """All a model reads, estimated."""
    told = sum(map(message_tokens, request.messages))
    return estimate_tokens(request.system) + told + _told_beside(request)


def _told_beside(request: ChatRequest) -> int:
    tools = sum(map(_tool_tokens, request.tools))
    return tools + (json_tokens(request.response_format) if request.response_format else 0)


def _tool_tokens(tool: ToolSpec) -> int:
    return estimate_tokens(f"{tool.name}{tool.description}") + json_tokens(tool.parameters)


def json_tokens(value: JSONValue) -> int:
    """Of tools and schemas, which models read as JSON."""
    return estimate_tokens(json.dumps(value).decode())


def message_tokens(message: Message) -> int:
    return MESSAGE_OVERHEAD_TOKENS + sum(_part_tokens(part) for part in message.parts)


def _part_tokens(part: Part) -> int:
    match part:
        case TextPart(text):
            return estimate_tokens(text)
        case ToolCallPart(arguments=arguments):
            return estimate_tokens(arguments)
        case ToolResultPart(output=output):
            return estimate_tokens(output)
        case ImagePart(tokens=tokens) | DocumentPart(tokens=tokens):
            return tokens


# -- the most ---------------------------------------------------------------------------------


def most_tokens(request: ChatRequest, model: str) -> int:
    """No answer to ``request`` by ``model`` reports more input."""
    if request.parameters.web_search or request.parameters.url_context:
        return window_tokens(model)
    texts = [request.system, *(tool.name + tool.description for tool in request.tools)]
    beside = [request.response_format, *(tool.parameters for tool in request.tools)]
    parts = [part for message in request.messages for part in message.parts]
    return (
        own_overhead_tokens(len(request.messages), len(request.tools))
        + sum(map(byte_count, texts))
        + sum(len(json.dumps(each)) for each in beside)
        + sum(_most_of_part(part, model) for part in parts)
    )


def _most_of_part(part: Part, model: str) -> int:
    match part:
        case TextPart(text):
            return byte_count(text)
        case ToolCallPart(name=name, arguments=text) | ToolResultPart(name=name, output=text):
            return byte_count(name) + byte_count(text)
        case ImagePart(tokens=tokens):
            return max(tokens, most_image_tokens(model))
        case DocumentPart(url=address) if address:
            return window_tokens(model)
        case DocumentPart(media_type=media_type, base64=encoded, tokens=tokens):
            return max(tokens, most_document_tokens(media_type, decoded_bytes(encoded), model))


def own_overhead_tokens(messages: int, tools: int) -> int:
    """What stands around what was sent, at most."""
    shells = 4 * MESSAGE_OVERHEAD_TOKENS * messages + _TOOL_SHELL_TOKENS * tools
    return _OVERHEAD_TOKENS + shells


def most_document_tokens(media_type: str, size_bytes: int, model: str) -> int:
    """No document is more than a window."""
    if media_type.startswith(_TEXTS):
        return size_bytes
    pages = max(1, -(-size_bytes // _LEAST_PAGE_BYTES))
    return min(pages * (_PAGE_TOKENS + most_image_tokens(model)), window_tokens(model))


def window_tokens(model: str) -> int:
    """More than that nothing can be."""
    return known_window(model) or _UNKNOWN_WINDOW_TOKENS


def byte_count(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def decoded_bytes(base64: str) -> int:
    return len(base64) * 3 // 4
