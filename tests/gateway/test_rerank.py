"""Texts by how well they answer a question: /v1/rerank."""

from typing import Any

import pytest

from gateway.formats.sizes import size_of
from librechat_backend.lib.aio import in_database
from providers.tokens import estimate_tokens
from tests.gateway.conftest import Api, MakeChannel, log_rows

DOCUMENTS = ["xyz", "a cat", "catalog"]


async def rank(api: Api, **fields: Any) -> Any:
    return await api.post(
        "/v1/rerank", {"model": "m", "query": "catalog", "documents": DOCUMENTS, **fields}
    )


async def test_best_texts_come_first(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel, kind="vllm", sends="bge-reranker")
    answer = await rank(api, top_n=2)
    assert answer.status_code == 200, answer.text
    assert [result["index"] for result in answer.json()["results"]] == [2, 1]
    assert answer.json()["model"] == "bge-reranker"


async def test_documents_may_be_objects(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)
    answer = await rank(api, documents=[{"text": text} for text in DOCUMENTS])
    assert [result["index"] for result in answer.json()["results"]] == [2, 1, 0]


async def test_tokens_are_counted_where_only_their_sum_is_told(
    api: Api, make_channel: MakeChannel
) -> None:
    await in_database(make_channel)
    await rank(api)
    (row,) = await log_rows()
    assert (row.operation, row.input_tokens, row.output_tokens) == ("rerank", 21, 0)
    assert not row.is_estimated


def test_question_and_texts_are_estimated_before() -> None:
    body = {"model": "m", "query": "catalog", "documents": [*DOCUMENTS, {"text": "a dog"}]}
    texts = ["catalog", *DOCUMENTS, "a dog"]
    assert size_of(body).estimated() == sum(map(estimate_tokens, texts))


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": "https://api.openai.com/v1"},
        {"kind": "azure", "base_url": "https://example.openai.azure.com"},
        {"kind": "anthropic"},
        {"kind": "google"},
    ],
)
async def test_services_without_ranking_are_not_asked(
    api: Api, make_channel: MakeChannel, fields: dict[str, Any]
) -> None:
    await in_database(make_channel, **fields)
    answer = await rank(api)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_operation")
