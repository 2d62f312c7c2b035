"""What our backend of SQLite does otherwise than Django's."""

import pytest
from django.db import connection, models, transaction

from accounts.models import Group
from usage.models import RequestLog, UncountedRequest, UsageNow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite makes such tables anew"),
]


def alter(model: type[models.Model], name: str, length: int) -> None:
    old = model._meta.get_field(name)
    new = models.CharField(max_length=length, blank=True, default="")
    new.set_attributes_from_name(name)
    with connection.schema_editor() as editor:
        editor.alter_field(model, old, new)  # type: ignore[arg-type]


def objects() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')")
        return set(cursor.fetchall())


@pytest.mark.parametrize(("model", "name"), [(RequestLog, "variant"), (Group, "description")])
def test_views_and_triggers_stay_when_their_table_is_changed(
    model: type[models.Model], name: str
) -> None:
    before = objects()
    assert len(before) > 8
    alter(model, name, 300)
    try:
        assert objects() == before
        RequestLog.objects.create(face="chat", operation="chat", status="ok")
        assert (UncountedRequest.objects.count(), UsageNow.objects.values("day").count()) == (1, 1)
    finally:
        alter(model, name, model._meta.get_field(name).max_length)  # type: ignore[union-attr,arg-type]


def test_new_connection_knows_json_while_another_writes() -> None:
    """Django would find out by writing, too, and take a locked database for one without JSON."""
    elsewhere = connection.copy()
    with transaction.atomic():
        try:
            assert elsewhere.features.has_json_object_function
        finally:
            elsewhere.close()
