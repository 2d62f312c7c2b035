"""SQLite changes a table by making a new one. Django forgets the triggers of the old one then, and
SQLite refuses to rename the new one while a view misses it. So both are set aside meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base, features, schema


class SchemaEditor(schema.DatabaseSchemaEditor):
    def _remake_table(self, model: Any, *args: Any, **kwargs: Any) -> None:
        with self._views_and_triggers_set_aside(model._meta.db_table):
            super()._remake_table(model, *args, **kwargs)  # type: ignore[misc]

    def remove_field(self, model: Any, field: Any) -> None:
        with self._views_and_triggers_set_aside(model._meta.db_table):
            super().remove_field(model, field)

    @contextmanager
    def _views_and_triggers_set_aside(self, table: str) -> Iterator[None]:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT type, name, sql FROM sqlite_master "
                "WHERE type = 'view' OR type = 'trigger' AND tbl_name = %s ORDER BY rowid",
                [table],
            )
            found = cursor.fetchall()
        for kind, name, _ in found:
            self.execute(f'DROP {kind} "{name}"', params=None)
        yield
        for _, _, statement in found:
            self.execute(statement, params=None)


class Features(features.DatabaseFeatures):
    # Django finds out by a transaction on each connection. While another writes for long, that
    # fails, and the connection would have no JSON for as long as it lives.
    supports_json_field = True


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = Features
    SchemaEditorClass = SchemaEditor
