"""Rows for the two built-in roles, so that the admin shows them. Empty means: the defaults."""

from django.db import migrations


def create_roles(apps, schema_editor):
    Role = apps.get_model("accounts", "Role")
    Role.objects.get_or_create(name="USER", defaults={"description": "Everybody who registers"})
    Role.objects.get_or_create(name="ADMIN", defaults={"description": "Administrators"})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_pinned_order")]

    operations = [migrations.RunPython(create_roles, migrations.RunPython.noop, elidable=True)]
