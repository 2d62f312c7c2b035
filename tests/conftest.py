"""Fixtures shared by all apps: four people, and clients that speak for them."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from accounts.models import User
from accounts.tokens import issue_access_token
from librechat_backend.lib.aio import close_database_threads
from tests.emptying import empty_quickly
from tests.factories import AdminFactory, UserFactory
from tests.migrated import begin_with_tables

# A machine that does other things besides is no defect.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")

empty_quickly()
begin_with_tables()

ClientFor = Callable[[User], Client]
TokenFor = Callable[[User], str]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL without what said the same on SQLite."""
    if connection.vendor != "postgresql":
        return
    left_out = [item for item in items if item.get_closest_marker("one_database")]
    if left_out and len(left_out) < len(items):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("one_database")]


def pytest_collection_finish() -> None:
    """The garbage collector looks at what the tests make, not at thousands of tests each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """PostgreSQL drops no database that our database threads still hold open."""
    yield
    close_database_threads()


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Counters of limits outlive a test otherwise."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def local_cache(settings: Any) -> None:
    """For tests that move the clock: entries in Redis expire by its own."""
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = {"default": local}


@pytest.fixture
def alice(db: None) -> User:
    """The owner of what a test is about."""
    return UserFactory.create(email="alice@example.com", name="Alice", username="alice")


@pytest.fixture
def bob(db: None) -> User:
    return UserFactory.create(email="bob@example.com", name="Bob", username="bob")


@pytest.fixture
def charlie(db: None) -> User:
    """The stranger: signed in, without a right to anything of others."""
    return UserFactory.create(email="charlie@example.com", name="Charlie", username="charlie")


@pytest.fixture
def admin_user(db: None) -> User:
    return AdminFactory.create(email="admin@example.com", name="Admin", username="admin")


@pytest.fixture
def token_for() -> TokenFor:
    return issue_access_token


@pytest.fixture
def client_for() -> ClientFor:
    """A test client whose requests carry the user's access token."""
    return lambda user: Client(headers={"authorization": f"Bearer {issue_access_token(user)}"})


@pytest.fixture
def stranger() -> Client:
    """Nobody: no token, no cookie."""
    return Client()
