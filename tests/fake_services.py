"""What tests/fake_provider.py offers besides chats, in OpenAI's dialect: embeddings, moderations,
rankings, images and sound.
"""

import base64
import struct
from typing import Any

from aiohttp import web

VECTOR = [0.5, -0.25, 0.125, 1.0]
UNSPEAKABLE = "Unspeakable."
SOUND = b"ID3fake-sound\x00\xff"


async def embeddings(request: web.Request) -> web.Response:
    """Models named ``float-only`` know no base64."""
    body = await request.json()
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = VECTOR[: body.get("dimensions") or len(VECTOR)]
    if body.get("encoding_format") == "base64" and "float-only" not in body["model"]:
        vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index in range(len(inputs))
    ]
    usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
    return web.json_response(
        {"object": "list", "data": data, "model": body["model"], "usage": usage}
    )


async def moderations(request: web.Request) -> web.Response:
    body = await request.json()
    result = {"flagged": "bad" in str(body["input"]), "categories": {}, "category_scores": {}}
    return web.json_response({"id": "modr-1", "model": body["model"], "results": [result]})


async def rerank(request: web.Request) -> web.Response:
    """By how many letters of the question a text has; counted as vLLM does."""
    body = await request.json()
    texts = [each if isinstance(each, str) else each["text"] for each in body["documents"]]
    scores = [len(set(body["query"]) & set(text)) / 10 for text in texts]
    results = [{"index": i, "relevance_score": score} for i, score in enumerate(scores)]
    results.sort(key=lambda result: -result["relevance_score"])
    return web.json_response({
        "id": "rerank-1", "model": body["model"], "results": results[: body.get("top_n")],
        "usage": {"total_tokens": 7 * len(texts)},
    })  # fmt: skip


async def images(request: web.Request) -> web.Response:
    body = await request.json()
    data = [{"b64_json": base64.b64encode(body["prompt"].encode()).decode()}]
    return web.json_response({"created": 1, "data": data})


async def speech(request: web.Request) -> web.Response:
    if (await request.json())["input"] == UNSPEAKABLE:
        raise web.HTTPBadRequest
    return web.Response(body=SOUND, content_type="audio/mpeg")


COUNTED_SOUND = {
    "type": "tokens", "input_tokens": 14, "output_tokens": 4, "total_tokens": 18,
    "input_token_details": {"text_tokens": 2, "audio_tokens": 12},
}  # fmt: skip


async def transcriptions(request: web.Request) -> web.Response:
    """Models named ``counted`` say how many tokens it was, those named ``timed`` how long."""
    form = await request.post()
    file = form["file"]
    assert isinstance(file, web.FileField)
    said = f"{form['model']!s} heard {len(file.file.read())} bytes"
    if "counted" in said:
        return web.json_response({"text": said, "usage": COUNTED_SOUND})
    if "timed" in said:
        return web.json_response({"text": said, "usage": {"type": "duration", "seconds": 3}})
    return web.json_response({"text": said})


def add_routes(app: web.Application) -> None:
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/v1beta/openai/embeddings", embeddings)
    app.router.add_post("/v1beta/openai/images/generations", images)
    app.router.add_post("/openai/deployments/{model}/embeddings", embeddings)
    app.router.add_post("/v1/moderations", moderations)
    app.router.add_post("/v1/rerank", rerank)
    app.router.add_post("/v1/images/generations", images)
    app.router.add_post("/v1/audio/speech", speech)
    app.router.add_post("/v1/audio/transcriptions", transcriptions)
    app.router.add_post("/v1/audio/translations", transcriptions)
