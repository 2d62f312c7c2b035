"""``fileConfig`` and ``imageOutputType`` → upload rules. Pure."""

import math
from collections.abc import Callable

from files.media_types import pattern_problem
from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.endpoints import endpoint_name
from moving.librechat_yaml.plan import Plan
from moving.librechat_yaml.source import (
    Node,
    WrongValue,
    flag,
    needs,
    number,
    one_of,
    positive,
    texts,
    whole,
)

# What holds where neither side says a size.
_USUAL_MEGABYTES = 512
_LARGEST_COUNT = 1000
_DELIVERY = "How files reach a model follows from the model."
_REFUSED = {
    "imageGeneration": "There is no making of pictures here.",
    "ocr": "Text in pictures is not read here.",
    "stt": "Sounds are not turned into text when they are uploaded.",
    "text": "What text can be read from is read as text.",
    "skills": "There are no skills here.",
    "fileContextSizeLimit": "fileTokenLimit limits the text of a file.",
    "fileContextCharLimit": "fileTokenLimit limits the text of a file.",
    "codeEnvLivenessSafeWindowMs": "There is no running of code here.",
    "defaultLLMDeliveryPath": _DELIVERY,
    "legacyFileUploadUX": _DELIVERY,
    "textFallbackWithoutTools": _DELIVERY,
}
_ENDPOINT_REFUSED = dict.fromkeys(
    ("defaultLLMDeliveryPath", "legacyFileUploadUX", "textFallbackWithoutTools"), _DELIVERY
)


def read_file_rules(root: Node, plan: Plan) -> None:
    image = root.read("imageOutputType", one_of("png", "jpeg", "webp"), "upload rules")
    if image is not None:
        plan.files["image_format"] = image
    node = root["fileConfig"]
    if node.value is None or not needs(node, dict, "Limits are"):
        return
    server = node.read("serverFileSizeLimit", _megabytes, "upload rules: no file is larger")
    _read_endpoints(node["endpoints"], plan, server)
    checks = {
        "avatarSizeLimit": ("avatar_megabytes", _megabytes),
        "fileTokenLimit": ("text_token_limit", positive),
    }
    plan.files |= node.fields(checks, "upload rules: {}")
    plan.files |= _shrinking(node["clientImageResize"])
    node.refuse_known(_REFUSED)


def _read_endpoints(node: Node, plan: Plan, server: int | None) -> None:
    """``default`` is for all; no limit is above the server's."""
    usual = _limits(node["default"])
    if server is not None:
        usual["file_megabytes"] = min(usual.get("file_megabytes", _USUAL_MEGABYTES), server)
    plan.files |= usual
    for name, child in node.children:
        if name == "default" or not needs(child, dict, "Limits are"):
            continue
        limits = _limits(child)
        if server is not None and "file_megabytes" in limits:
            limits["file_megabytes"] = min(limits["file_megabytes"], server)
        plan.endpoint_files[endpoint_name(str(name))[:100]] = limits


def _limits(node: Node) -> JSONDict:
    if node["disabled"].value is True:
        node["disabled"].take("upload rules: is_enabled")
        unused = ("fileLimit", "fileSizeLimit", "totalSizeLimit", "supportedMimeTypes")
        node.refuse_known(dict.fromkeys(unused, "Uploads are off."))
        return {"is_enabled": False}
    checks: dict[str, tuple[str, Callable[[Node], object]]] = {
        "disabled": ("is_disabled", flag),
        "fileLimit": ("file_limit", _count),
        "fileSizeLimit": ("file_megabytes", _megabytes),
        "totalSizeLimit": ("total_megabytes", _megabytes),
        "supportedMimeTypes": ("patterns", _patterns),
    }
    found = node.fields(checks, "upload rules: {}")
    node.refuse_known(_ENDPOINT_REFUSED)
    if "is_disabled" in found:
        found["is_enabled"] = not found.pop("is_disabled")
    return found


def _count(node: Node) -> int:
    count = whole(node)
    if not count:
        raise WrongValue("For no files at all, write “disabled: true”.")
    return min(count, _LARGEST_COUNT)


def _megabytes(node: Node) -> int:
    """Whole ones, and at least one."""
    return max(1, math.ceil(number(node)))


def _patterns(node: Node) -> list[str]:
    patterns = texts(node)
    if problem := next(filter(None, map(pattern_problem, patterns)), ""):
        raise WrongValue(problem)
    return patterns


def _quality(node: Node) -> float:
    value = number(node)
    if value > 1:
        raise WrongValue("A number from 0 to 1 is expected here.")
    return value


def _pixels(node: Node) -> int:
    value = positive(node)
    if value > 50_000:
        raise WrongValue("At most 50000 pixels.")
    return value


def _shrinking(node: Node) -> JSONDict:
    checks = {
        "enabled": ("shrinks_pictures", flag),
        "maxWidth": ("picture_width", _pixels),
        "maxHeight": ("picture_height", _pixels),
        "quality": ("picture_quality", _quality),
    }
    return node.fields(checks, "upload rules: {}")
