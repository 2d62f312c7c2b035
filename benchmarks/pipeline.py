"""Provider bytes → events → steps → log → frames, in one thread and without sockets."""

import asyncio
import time

from benchmarks.report import Row, at_least, median
from benchmarks.upstream import CHUNK


def run(*, smoke: bool) -> list[Row]:
    """Chunks a second through everything the server does with one, journal included."""
    chunks, rounds = (5_000, 1) if smoke else (50_000, 5)
    speeds = [chunks / asyncio.run(_seconds(chunks)) for _ in range(rounds)]
    return [
        at_least(
            "provider chunks through parse → fold → log → encode", median(speeds), 20_000, "/s"
        )
    ]


async def _seconds(chunks: int) -> float:
    import tempfile
    from pathlib import Path

    from conversations.chat.content import TurnState
    from conversations.chat.encoder import Encoder
    from conversations.chat.events import Created
    from conversations.chat.log.memory import MemoryLog
    from conversations.chat.steps import StepWriter
    from providers.adapters.openai_wire import ChunkDecoder

    message = {"message_id": "u", "parent_message_id": "p", "text": "Hello"}
    created = Created("c", "r", "Sender", "openAI", "m", "", message)
    with tempfile.TemporaryDirectory() as directory:
        log, decoder, writer = MemoryLog(Path(directory)), ChunkDecoder(), StepWriter()
        state, encoder, sent = TurnState(), Encoder(), 0
        await log.append("g", [created])
        reader = log.read("g")
        begin = time.perf_counter()
        for _ in range(chunks):
            events = writer.write(decoder.feed(CHUNK))
            for event in events:
                state.apply(event)
            await log.append("g", events)
            sent += len(encoder.frames(await anext(reader)))
        seconds = time.perf_counter() - begin
        await reader.aclose()
        await log.close()
    if sent < chunks * 65:
        raise RuntimeError("text got lost on the way")
    return seconds
