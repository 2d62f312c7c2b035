"""Batches that are written in turns are committed in their order, or written again one by one."""

import gc
from collections.abc import Iterator
from weakref import ref

import pytest
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from moving.models import Move
from moving.turns import Turn, Turns

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]


class Diary:
    """``refused``: names whose rows cannot be committed as long as they are written in turns."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.happened: list[str] = []

    def turn(self, name: str) -> Turn:
        def store() -> None:
            Move.objects.create(source=name, started_at=timezone.now())

        def save() -> None:
            if name in self.refused:
                raise IntegrityError
            self.happened.append(f"save {name}")

        def again() -> None:
            store()
            self.happened.append(f"again {name}")

        return Turn(store, save, lambda: self.happened.append(f"undo {name}"), again)


def write(diary: Diary, fault: type[Exception]) -> None:
    with Turns((fault,)) as turns:
        for name in "abcd":
            turns.take(diary.turn(name))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    connections.close_all()


def test_rows_are_committed_in_their_order() -> None:
    diary = Diary()
    write(diary, IntegrityError)
    assert diary.happened == ["save a", "save b", "save c", "save d"]
    assert sorted(Move.objects.values_list("source", flat=True)) == list("abcd")


@pytest.mark.parametrize(
    ("refused", "happened"),
    [
        ("b", ["save a", "undo b", "again b", "again c", "save d"]),
        ("d", ["save a", "save b", "save c", "undo d", "again d"]),
        ("bc", ["save a", "undo b", "again b", "again c", "save d"]),
    ],
)
def test_what_fails_is_written_again_with_the_one_that_was_begun(
    refused: str, happened: list[str]
) -> None:
    diary = Diary(refused)
    write(diary, IntegrityError)
    assert diary.happened == happened
    assert sorted(Move.objects.values_list("source", flat=True)) == list("abcd")


def test_nothing_is_committed_after_an_error_of_another_kind() -> None:
    diary = Diary("b")
    with pytest.raises(IntegrityError):
        write(diary, ValueError)
    assert diary.happened == ["save a"]
    assert list(Move.objects.values_list("source", flat=True)) == ["a"]


def test_rows_are_let_go_as_soon_as_they_are_committed() -> None:
    """A circle of references would keep them until somebody looks for circles, which is rare."""
    diary = Diary()
    gc.disable()
    try:
        with Turns((IntegrityError,)) as turns:
            first = diary.turn("a")
            seen = ref(first)
            turns.take(first)
            del first
            turns.take(diary.turn("b"))
            turns.take(diary.turn("c"))
            assert seen() is None
    finally:
        gc.enable()
