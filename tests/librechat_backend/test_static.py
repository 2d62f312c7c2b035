"""Static files, straight from the application's packages."""

from typing import Any

import pytest

from librechat_backend.static import static_files

STYLES = "/static/admin/css/base.css"


async def get(
    path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await static_files({"path": path, "method": method, "headers": raw}, None, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_file_is_sent_with_its_type_and_must_be_asked_for_again() -> None:
    status, headers, body = await get(STYLES)
    assert status == 200
    assert headers[b"content-type"] == b"text/css"
    assert headers[b"cache-control"] == b"no-cache"
    assert int(headers[b"content-length"]) == len(body) > 0


async def test_304_without_body_when_the_copy_is_still_good() -> None:
    _, headers, _ = await get(STYLES)
    status, _, body = await get(STYLES, if_none_match=headers[b"etag"].decode())
    assert (status, body) == (304, b"")


async def test_head_has_the_length_but_no_body() -> None:
    status, headers, body = await get(STYLES, "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers[b"content-length"]) > 0


@pytest.mark.parametrize(
    "path", ["/static/none.css", "/static/../manage.py", "/static//etc/passwd", "/static/admin",
             "/static/", "/static/a\x00b"],
)  # fmt: skip
async def test_404_when_there_is_no_such_file(path: str) -> None:
    assert (await get(path))[0] == 404
