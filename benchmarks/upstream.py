"""A model provider that costs next to nothing: the OpenAI dialect on a bare asyncio.Protocol.

``python -m benchmarks.upstream PORT``. The model's name says what is answered:
``chunks-<count>-<milliseconds between them>``; 0 milliseconds sends all at once. A model named
``silent`` answers nothing and keeps the connection open. Without ``"stream": true`` the answer is
one body.
"""

import asyncio
import json
import re
import sys

WORDS = "The quick brown fox jumps over the lazy dog and then rests a bit "  # 65 bytes
_MODEL = re.compile(rb'"model":\s*"([^"]+)"')
_STREAM = re.compile(rb'"stream":\s*true')
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _frame(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


CHUNK = _frame({"content": WORDS})
USAGE = {"id": "c", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 10}}
LAST = _frame({}, "stop") + b"data: " + json.dumps(USAGE).encode() + b"\n\n" + b"data: [DONE]\n\n"


def _whole() -> bytes:
    message = {"role": "assistant", "content": WORDS}
    body = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
    }  # fmt: skip
    data = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


WHOLE = _whole()


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upstream(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not separator or len(body) < (int(length[1]) if length else 0):
            return
        self.buffer = b""
        model = _MODEL.search(body)
        if _STREAM.search(body) is None:
            self.transport.write(WHOLE)  # type: ignore[attr-defined]
            return
        self._answer(model[1].decode() if model else "chunks-1-0")

    def _answer(self, model: str) -> None:
        self.transport.write(_HEAD)  # type: ignore[attr-defined]
        if model == "silent":
            return
        _, count, pause_ms = model.split("-")
        if pause_ms == "0":
            self.transport.write(  # type: ignore[attr-defined]
                _chunked(CHUNK) * int(count) + _chunked(LAST) + b"0\r\n\r\n"
            )
        else:
            self.task = asyncio.create_task(self._trickle(int(count), int(pause_ms) / 1000))

    async def _trickle(self, count: int, pause_seconds: float) -> None:
        """On a fixed grid, so that a slow reader does not slow the clock."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number * pause_seconds - loop.time()))
            self.transport.write(_chunked(CHUNK))  # type: ignore[attr-defined]
        self.transport.write(_chunked(LAST) + b"0\r\n\r\n")  # type: ignore[attr-defined]


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
