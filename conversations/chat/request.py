"""The body of a chat start → a TurnRequest (contract 02 §2.3–2.4). Pure."""

import re
from dataclasses import dataclass, field

from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.ids import NO_PARENT, is_object_id, is_uuid
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.parameters import clean_settings

_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9:_-]{1,128}")
_NEW_CONVERSATION = {None, "", "new", "PENDING"}
MAX_QUOTES = 10
MAX_FILES = 1000
MAX_QUOTE_CHARACTERS = 1500
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Edit:
    """A content part of an earlier answer, rewritten; ``kind`` is ``text`` or ``think``."""

    index: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Added:
    """A second model that is to answer beside the first (contract 02 §10.6)."""

    endpoint: str
    model: str
    spec: str
    settings: JSONDict


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What a person asks for. ``answered_message_id`` is set where a stored message of the user
    is answered again; ``replaced_answer_id`` names the answer that is edited or continued;
    ``ip_address`` is where it comes from, empty where that is not known.
    """

    text: str
    endpoint: str
    endpoint_type: str = ""
    model: str = ""
    spec: str = ""
    settings: JSONDict = field(default_factory=dict)
    conversation_id: str | None = None
    parent_message_id: str = NO_PARENT
    answered_message_id: str | None = None
    replaced_answer_id: str | None = None
    edit: Edit | None = None
    is_continued: bool = False
    is_temporary: bool = False
    project_id: str | None = None
    timezone: str = ""
    client_request_id: str | None = None
    quotes: tuple[str, ...] = ()
    added: Added | None = None
    file_ids: tuple[str, ...] = ()
    ip_address: str = ""


def parse_turn_request(payload: JSONValue, *, path_endpoint: str = "") -> TurnRequest:
    """Raises InvalidRequest. ``path_endpoint`` counts where the body names no endpoint."""
    if not isinstance(payload, dict):
        raise InvalidRequest("The request body must be a JSON object.", key="error")
    is_regenerated = payload.get("isRegenerate") is True
    is_continued = payload.get("isContinued") is True
    return TurnRequest(
        text=_user_text(payload),
        endpoint=_name(payload, "endpoint") or path_endpoint,
        endpoint_type=_name(payload, "endpointType"),
        model=_model(payload),
        spec=_name(payload, "spec"),
        settings=_settings(payload),
        conversation_id=_conversation_id(payload),
        parent_message_id=_message_id(payload, "parentMessageId") or NO_PARENT,
        answered_message_id=_answered(payload) if is_regenerated or is_continued else None,
        replaced_answer_id=(_message_id(payload, "responseMessageId") or "").rstrip("_") or None,
        edit=_edit(payload.get("editedContent")),
        is_continued=is_continued,
        is_temporary=payload.get("isTemporary") is True,
        project_id=_project_id(payload.get("chatProjectId")),
        timezone=_name(payload, "timezone"),
        client_request_id=_client_request_id(payload.get("clientRequestId")),
        quotes=_quotes(payload.get("quotes")),
        added=_added(payload.get("addedConvo")),
        file_ids=_file_ids(payload.get("files")),
    )


def _refuse(name: str, expected: str) -> InvalidRequest:
    return InvalidRequest(f"{name}: expected {expected}", key="error")


def _text(payload: JSONDict, name: str) -> str:
    value = payload.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _refuse(name, "a string")
    return value


def _user_text(payload: JSONDict) -> str:
    text = _text(payload, "text").strip()
    if not text:
        raise _refuse("text", "a text that is not empty")
    return text


def _name(payload: JSONDict, name: str) -> str:
    value = _text(payload, name)
    if len(value) > MAX_NAME_CHARACTERS:
        raise _refuse(name, f"at most {MAX_NAME_CHARACTERS} characters")
    return value


def _model(payload: JSONDict) -> str:
    """A preset has a model of its own, so what stands beside its name is not looked at."""
    return "" if payload.get("spec") else _name(payload, "model")


def _message_id(payload: JSONDict, name: str) -> str:
    value = _text(payload, name)
    if len(value) > 64:
        raise _refuse(name, "a message id")
    return value


def _settings(payload: JSONDict) -> JSONDict:
    try:
        return clean_settings(payload)
    except InvalidRequest as error:
        raise InvalidRequest(str(error), key="error") from error


def _conversation_id(payload: JSONDict) -> str | None:
    value = payload.get("conversationId")
    if value is None or (isinstance(value, str) and value in _NEW_CONVERSATION):
        return None
    if not is_uuid(value):
        raise _refuse("conversationId", "a UUID")
    return str(value)


def _answered(payload: JSONDict) -> str:
    """On regenerate and continue the user's message exists already (contract 02 §10.1, §10.4)."""
    answered = _message_id(payload, "overrideParentMessageId") or _message_id(payload, "messageId")
    if not answered:
        raise _refuse("overrideParentMessageId", "the id of the message to answer again")
    return answered


def _added(value: JSONValue) -> Added | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _refuse("addedConvo", "an object")
    return Added(
        endpoint=_name(value, "endpoint"),
        model=_model(value),
        spec=_name(value, "spec"),
        settings=_settings(value),
    )


def _edit(value: JSONValue) -> Edit | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _refuse("editedContent", "an object")
    index, kind = value.get("index"), value.get("type")
    if type(index) is not int or index < 0:
        raise _refuse("editedContent.index", "a whole number of at least 0")
    if kind not in ("text", "think"):
        raise _refuse("editedContent.type", "text or think")
    text = value.get(kind)
    if not isinstance(text, str):
        raise _refuse(f"editedContent.{kind}", "a string")
    return Edit(index, kind, text)


def _project_id(value: JSONValue) -> str | None:
    return str(value) if is_object_id(value) else None


def _client_request_id(value: JSONValue) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _CLIENT_REQUEST_ID.fullmatch(value):
        raise InvalidRequest(
            "clientRequestId is malformed", key="error", code="INVALID_CLIENT_REQUEST_ID"
        )
    return value


def _quotes(value: JSONValue) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    texts = [quote[:MAX_QUOTE_CHARACTERS] for quote in value if isinstance(quote, str)]
    return tuple(texts[:MAX_QUOTES])


def _file_ids(value: JSONValue) -> tuple[str, ...]:
    """Of the attached files; what the client says of them besides is not believed."""
    if not isinstance(value, list):
        return ()
    ids = [file.get("file_id") for file in value[:MAX_FILES] if isinstance(file, dict)]
    return tuple(dict.fromkeys(i for i in ids if isinstance(i, str) and 0 < len(i) <= 64))
