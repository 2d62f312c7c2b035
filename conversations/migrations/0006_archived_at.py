from django.db import migrations, models
from django.db.models import F


def date_archived_chats(apps, schema_editor):
    """Archiving moved a chat up the list, so that moment is near enough."""
    conversations = apps.get_model("conversations", "Conversation").objects
    conversations.filter(is_archived=True).update(archived_at=F("updated_at"))


class Migration(migrations.Migration):

    dependencies = [
        ("conversations", "0005_memories"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(date_archived_chats, migrations.RunPython.noop),
    ]
