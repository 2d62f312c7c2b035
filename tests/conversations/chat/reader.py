"""What the web client makes of a stream (contract 02 §3–4): the state of its screen."""

from collections.abc import AsyncIterable
from typing import Any

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.sse import Decoder


class Screen:
    """Folds payloads: ``text`` is what the person reads, ``final`` the terminal payload."""

    def __init__(self) -> None:
        self.payloads: list[JSONDict] = []
        self.final: JSONDict | None = None
        self._parts: dict[int, str] = {}
        self._index: dict[str, int] = {}
        self._decoder = Decoder()

    @property
    def text(self) -> str:
        return "".join(self._parts[index] for index in sorted(self._parts))

    def feed(self, chunk: bytes) -> None:
        for frame in self._decoder.feed(chunk):
            if frame.event != "ping":
                self.apply(json.loads(frame.data))

    def apply(self, payload: Any) -> None:
        assert self.final is None, "something came behind the end"
        self.payloads.append(payload)
        if "final" in payload or "error" in payload:
            self.final = payload
        elif "sync" in payload:
            state = payload["resumeState"]
            self._parts = dict(enumerate(map(text_of, state["aggregatedContent"])))
            self._index = {step["id"]: step["index"] for step in state["runSteps"]}
        elif payload.get("event") == "on_run_step":
            self._index[payload["data"]["id"]] = payload["data"]["index"]
        elif payload.get("event") in {"on_message_delta", "on_reasoning_delta"}:
            index = self._index[payload["data"]["id"]]
            for part in payload["data"]["delta"]["content"]:
                self._parts[index] = self._parts.get(index, "") + text_of(part)

    async def follow(self, frames: AsyncIterable[bytes]) -> "Screen":
        async for chunk in frames:
            self.feed(chunk)
        return self

    @property
    def answer(self) -> JSONDict:
        assert self.final is not None, "no end came"
        message: JSONDict = self.final["responseMessage"]
        return message

    @property
    def final_text(self) -> str:
        return "".join(map(text_of, self.answer.get("content") or []))


def text_of(part: JSONDict) -> str:
    return str(part.get("text") or part.get("think") or "")
