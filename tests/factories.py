"""Rows for tests."""

from factory.declarations import Sequence
from factory.django import DjangoModelFactory, Password

from accounts.models import Role, User

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = Sequence(lambda number: f"person{number}@example.com")  # type: ignore[no-untyped-call]
    name = Sequence(lambda number: f"Person {number}")  # type: ignore[no-untyped-call]
    username = Sequence(lambda number: f"person{number}")  # type: ignore[no-untyped-call]
    password = Password(PASSWORD)  # type: ignore[no-untyped-call]


class AdminFactory(UserFactory):
    role = "ADMIN"
    is_staff = True
    is_superuser = True


class RoleFactory(DjangoModelFactory[Role]):
    class Meta:
        model = Role

    name = Sequence(lambda number: f"ROLE{number}")  # type: ignore[no-untyped-call]
