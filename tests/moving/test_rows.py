"""What is here already is looked up, whatever else there is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conversations.models import Message
from moving.rows import existing


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL's plans follow its statistics"
)
@pytest.mark.parametrize("names", [("id",), ("user_id", "message_id")])
def test_no_table_is_read_as_a_whole_when_rows_are_looked_up(
    db: None, names: tuple[str, ...]
) -> None:
    wanted = [tuple(f"{name} {number}" for name in names) for number in range(3)]
    with CaptureQueriesContext(connection) as asked:
        assert existing(Message, names, wanted, ("id",)) == []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
        steps = [step[-1] for step in cursor.fetchall()]
    assert any(step.startswith("SEARCH conversations_message USING") for step in steps)
    assert not any(step.startswith("SCAN conversations_message") for step in steps)
