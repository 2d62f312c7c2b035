"""Helping people to sign in is a right of its own, and a ready-made group of staff has it."""

from django.db import migrations

SUPPORT = "Support"
MAY = {
    "user": ("view", "support"),
    "refreshsession": ("view", "delete"),
    "ban": ("view", "add", "delete"),
    "violation": ("view", "delete"),
    "invitation": ("view", "add", "delete"),
}


def create_support(apps, schema_editor):
    """The rights are made here, too: Django makes its own only after all migrations."""
    content_type = apps.get_model("contenttypes", "ContentType")
    permission = apps.get_model("auth", "Permission")
    group, is_new = apps.get_model("auth", "Group").objects.get_or_create(name=SUPPORT)
    if not is_new:
        return
    for model, verbs in MAY.items():
        of, _ = content_type.objects.get_or_create(app_label="accounts", model=model)
        verbose_name = apps.get_model("accounts", model)._meta.verbose_name
        for verb in verbs:
            right, _ = permission.objects.get_or_create(
                content_type=of,
                codename=f"{verb}_{model}",
                defaults={"name": NAMES.get(verb, f"Can {verb} {verbose_name}")},
            )
            group.permissions.add(right)


NAMES = {"support": "Can help users to sign in"}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_admin_sessions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "ordering": ["email"],
                "permissions": [("support_user", "Can help users to sign in")],
            },
        ),
        migrations.RunPython(create_support, migrations.RunPython.noop, elidable=True),
    ]
