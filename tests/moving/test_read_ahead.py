"""What another process makes in advance arrives whole, in order, or with the reason why not."""

import os
import signal
from collections.abc import Iterator
from multiprocessing import active_children

import pytest
from django.db import connection

from accounts.models import User
from moving.read_ahead import read_ahead
from moving.sources import SourceUnreadable


def test_items_are_made_by_another_process_in_their_order() -> None:
    made = list(read_ahead((number, os.getpid()) for number in range(5)))
    assert [number for number, _ in made] == list(range(5))
    assert {maker for _, maker in made}.isdisjoint({os.getpid()})


def test_what_stops_the_maker_is_raised_after_what_was_made() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise SourceUnreadable("gone")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(SourceUnreadable, match="gone"):
        next(ahead)


def test_maker_that_was_killed_is_noticed() -> None:
    def items() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGKILL)

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(EOFError):
        next(ahead)


def test_nobody_goes_on_when_the_reader_stops() -> None:
    ahead = read_ahead(iter(range(1_000_000)))
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]
    assert not active_children()


@pytest.mark.django_db(transaction=True)
def test_maker_reads_what_is_committed_over_a_connection_of_its_own(alice: User) -> None:
    def items() -> Iterator[str]:
        yield from User.objects.values_list("email", flat=True)

    assert list(read_ahead(items())) == [alice.email]
    connection.ensure_connection()
    assert User.objects.count() == 1
