"""Plain documents → BSON, as MongoDB's own tools write it."""

import json
from typing import Any
from uuid import uuid4

import bson
from bson import Int64, ObjectId
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.json_util import JSONOptions
from bson.json_util import loads as from_extended

from librechat_backend.lib.json import JSONDict
from moving.targets.base import DOCUMENT_BYTES_MAX, Id, Unwritable

_OPTIONS = JSONOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)


def encode(document: JSONDict) -> bytes:
    """Raises Unwritable."""
    try:
        data = bson.encode({name: _member(value) for name, value in document.items()})
    except (BSONError, OverflowError, UnicodeError, RecursionError) as error:
        raise Unwritable("it holds what BSON cannot hold") from error
    if len(data) > DOCUMENT_BYTES_MAX:
        raise Unwritable("it is larger than 16 MB")
    return data


def typed(extended: JSONDict) -> JSONDict:
    """Extended JSON → a document with the types of BSON."""
    document: JSONDict = from_extended(json.dumps(extended), json_options=_OPTIONS)
    return document


def encode_header(header: JSONDict, *, crc: int | None = None) -> bytes:
    """``crc`` is a number of 64 bits, whatever its value."""
    return bson.encode(header if crc is None else {**header, "CRC": Int64(crc)})


def _member(value: Any) -> Any:
    if isinstance(value, Id):
        return ObjectId(value)
    if isinstance(value, list):
        return [ObjectId(each) if isinstance(each, Id) else each for each in value]
    return value


def metadata(collection: str) -> str:
    """What is beside the documents of a collection. Other indexes the server makes itself."""
    index = {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"}
    return json.dumps(
        {"indexes": [index], "uuid": uuid4().hex, "collectionName": collection,
         "type": "collection"}
    )  # fmt: skip
