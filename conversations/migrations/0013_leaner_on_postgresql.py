from django.db import migrations

# Ids are looked up whole, never by how they begin; what Django makes for the latter took a tenth
# of the time it takes to write an entry.
PREFIXES = {
    "conversations_message": ["id_f49790af"],
    "conversations_searchentry": ["conversation_id_5c81cb21", "message_id_a82e734d"],
}
# Words of long answers were packed, which took a quarter of that time, and unpacked by each search
# that visits them. Two of the longest still fit into a page.
ROW_BYTES = 4000


def make_leaner(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in PREFIXES.items():
        for column in columns:
            schema_editor.execute(f"DROP INDEX IF EXISTS {table}_{column}_like")
    schema_editor.execute(
        f"ALTER TABLE conversations_searchentry SET (toast_tuple_target = {ROW_BYTES})"
    )


def restore(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in PREFIXES.items():
        for column in columns:
            name = column.rpartition("_")[0]
            schema_editor.execute(
                f"CREATE INDEX {table}_{column}_like ON {table} ({name} varchar_pattern_ops)"
            )
    schema_editor.execute("ALTER TABLE conversations_searchentry RESET (toast_tuple_target)")


class Migration(migrations.Migration):

    dependencies = [
        ("conversations", "0012_openings"),
    ]

    operations = [
        migrations.RunPython(make_leaner, restore),
    ]
