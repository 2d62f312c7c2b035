import conversations.models.search
import django.db.models.deletion
from django.db import migrations, models

# FTS5 keeps no copy of the words: it reads them from the table and hears of changes by triggers.
# A migration that makes SQLite rebuild the table must create the triggers again.
SQLITE = [
    """
    CREATE VIRTUAL TABLE conversations_searchindex USING fts5(
        owner, document, content='conversations_searchentry', content_rowid='id',
        tokenize='unicode61 remove_diacritics 0', prefix='3'
    )
    """,
    """
    CREATE TRIGGER conversations_searchentry_insert AFTER INSERT ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(rowid, owner, document)
        VALUES (new.id, new.owner, new.document);
    END
    """,
    """
    CREATE TRIGGER conversations_searchentry_delete AFTER DELETE ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(conversations_searchindex, rowid, owner, document)
        VALUES ('delete', old.id, old.owner, old.document);
    END
    """,
    """
    CREATE TRIGGER conversations_searchentry_update AFTER UPDATE ON conversations_searchentry BEGIN
        INSERT INTO conversations_searchindex(conversations_searchindex, rowid, owner, document)
        VALUES ('delete', old.id, old.owner, old.document);
        INSERT INTO conversations_searchindex(rowid, owner, document)
        VALUES (new.id, new.owner, new.document);
    END
    """,
]
POSTGRESQL = [
    "CREATE INDEX conversations_searchentry_document "
    "ON conversations_searchentry USING gin (document)"
]


def create_index(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if is_postgresql else SQLITE:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    """The index of PostgreSQL and the triggers of SQLite go with the table."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE conversations_searchindex")


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0003_tags_and_projects'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchEntry',
            fields=[
                ('owner', models.CharField(max_length=25)),
                ('document', conversations.models.search.DocumentField()),
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='search_entries', to='conversations.conversation')),
                ('message', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='search_entry', to='conversations.message')),
            ],
            options={
                'verbose_name_plural': 'search entries',
            },
        ),
        migrations.RunPython(create_index, drop_index),
    ]
