from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("conversations", "0007_shared_links"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="is_parallel",
            field=models.BooleanField(default=False),
        ),
    ]
