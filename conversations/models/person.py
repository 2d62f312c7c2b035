"""A person, seen as the owner of chats."""

from accounts.models import User


class Person(User):
    """For the administration's page of what each person keeps; no table of its own."""

    class Meta:
        proxy = True
        verbose_name = "person's chats"
        verbose_name_plural = "chats by person"
