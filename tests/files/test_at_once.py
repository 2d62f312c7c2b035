"""The same bytes, the same file and the same avatar, by several requests at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx

from tests.files import samples
from tests.files.conftest import Person, Storage

TIMES = 6
ROUNDS = 4


def at_once(call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    start = Barrier(TIMES)

    def one(number: int) -> httpx.Response:
        start.wait(timeout=20)
        return call(number)

    with ThreadPoolExecutor(TIMES) as pool:
        return list(pool.map(one, range(TIMES)))


def named(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: sent[name] for name in ("file_id", "filepath", "source")}


def test_file_is_deleted_once_and_its_bytes_with_it(storage: Storage, person: Person) -> None:
    before = storage.keys()
    file = named(person.upload(b"Deleted by everybody.").json())
    assert {each.status_code for each in at_once(lambda _: person.delete(file))} == {200}
    assert person.list() == []
    assert storage.keys() == before


def test_same_bytes_are_kept_while_others_delete_them(person: Person) -> None:
    data = b"Sent and deleted at the same time."
    for _ in range(ROUNDS):
        old = named(person.upload(data).json())
        answers = at_once(lambda n, old=old: person.upload(data) if n else person.delete(old))  # type: ignore[misc]
        assert {each.status_code for each in answers} == {200}
    listed = person.list()
    assert len(listed) == ROUNDS * (TIMES - 1)
    for file in listed:
        answer = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}")
        assert (answer.status_code, answer.content) == (200, data)


def test_one_avatar_is_left_when_several_are_sent(storage: Storage, person: Person) -> None:
    before = storage.keys()

    def send(number: int) -> httpx.Response:
        files = {"file": ("avatar.png", samples.picture(300 + number, 200), "image/png")}
        return person.http.post("/api/files/images/avatar", data={"manual": "true"}, files=files)

    assert {each.status_code for each in at_once(send)} == {200}
    shown = person.http.get("/api/user").json()["avatar"]
    assert httpx.get(person.base_url + shown).status_code == 200
    assert len(storage.keys() - before) == 1
