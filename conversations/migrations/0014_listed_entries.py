from django.db import migrations, models

TABLE = "conversations_searchentry"
# Said in SQL: Django would make SQLite copy the table, and lose the triggers.
ADD = f"ALTER TABLE {TABLE} ADD COLUMN is_listed {{}} NOT NULL DEFAULT true"
INDEXES = [
    f"DROP INDEX {TABLE}_document",
    f"CREATE INDEX {TABLE}_document ON {TABLE} USING gin (document) WHERE is_listed",
    f"CREATE INDEX {TABLE}_unlisted ON {TABLE} (owner) WHERE NOT is_listed",
]
FORMER_INDEXES = [
    f"DROP INDEX {TABLE}_unlisted",
    f"DROP INDEX {TABLE}_document",
    f"CREATE INDEX {TABLE}_document ON {TABLE} USING gin (document)",
]


def add(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(ADD.format("boolean" if is_postgresql else "bool"))
    for statement in INDEXES if is_postgresql else ():
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in FORMER_INDEXES if is_postgresql else ():
        schema_editor.execute(statement)
    schema_editor.execute(f"ALTER TABLE {TABLE} DROP COLUMN is_listed")


class Migration(migrations.Migration):

    dependencies = [
        ("conversations", "0013_leaner_on_postgresql"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add, remove)],
            state_operations=[
                migrations.AddField(
                    model_name="searchentry",
                    name="is_listed",
                    field=models.BooleanField(db_default=True, default=True),
                ),
            ],
        ),
    ]
