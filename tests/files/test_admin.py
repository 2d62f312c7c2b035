"""The admin pages of files."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Group, User
from files.config import config_for
from files.models import EndpointRules, File, FileRules
from librechat_backend.lib.task_worker import Worker
from tests.files.factories import make_file, path_of

FILES = reverse("admin:files_file_changelist")
ADD_RULES = reverse("admin:files_filerules_add")
NO_ENDPOINTS = {
    "endpoints-TOTAL_FORMS": "0",
    "endpoints-INITIAL_FORMS": "0",
}


@pytest.fixture
def page(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


def test_the_list_says_how_much_there_is_but_not_what_it_is(page: Client, alice: User) -> None:
    make_file(alice, b"x" * 2048, filename="dismissal of Bob.txt", text="secret")
    make_file(alice, text_state="failed", text_problem="It is damaged.")
    make_file(alice, b"y" * 1024).delete()
    shown = page.get(FILES).content.decode()
    assert "dismissal" not in shown
    assert "secret" not in shown
    assert alice.email in shown
    assert "2.0\xa0KB" in shown
    assert "It is damaged." in shown
    assert "1 stored object (" in " ".join(shown.split())
    assert "1 whose text could not be read" in shown


def test_the_list_costs_as_many_queries_however_many_files(
    page: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_file(alice)
    with django_assert_num_queries(12):
        page.get(FILES)
    for _ in range(5):
        make_file(bob)
    with django_assert_num_queries(12):
        page.get(FILES)


def test_waste_is_removed_by_the_button(page: Client, alice: User) -> None:
    file = make_file(alice)
    file.delete()
    answer = page.post(reverse("admin:files_file_clean"), follow=True)
    assert "1 stored objects" in " ".join(answer.content.decode().split())
    assert not path_of(file.blob.key).exists()


def test_only_who_may_delete_may_clean(client: Client, alice: User) -> None:
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    assert client.post(reverse("admin:files_file_clean")).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_deleting_takes_the_bytes_along(page: Client, alice: User) -> None:
    file, other = make_file(alice), make_file(alice)
    page.post(reverse("admin:files_file_delete", args=[file.pk]), {"post": "yes"})
    page.post(
        FILES,
        {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"},
    )
    assert not File.objects.exists()
    Worker().run_until_idle()
    assert not path_of(file.blob.key).exists()
    assert not path_of(other.blob.key).exists()


@pytest.mark.django_db(transaction=True)
def test_a_text_is_read_again(page: Client, alice: User) -> None:
    good = make_file(alice, b"hello", text_state="failed", text_problem="Busy.")
    bad = make_file(alice, b"x", media_type="audio/mpeg", text_state="failed")
    page.post(FILES, {"action": "read_again", "_selected_action": [good.pk, bad.pk]})
    Worker().run_until_idle()
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.text, good.text_state, good.text_problem) == ("hello", "ready", "")
    assert (bad.text_state, bad.text_problem) == (
        "failed",
        "There is no text in files of this kind.",
    )


def test_rules_are_typed_into_a_form(page: Client, alice: User) -> None:
    answer = page.post(
        ADD_RULES,
        {
            "is_enabled": "",
            "file_megabytes": "25",
            "families": ["images", "text"],
            "endpoints-TOTAL_FORMS": "1",
            "endpoints-INITIAL_FORMS": "0",
            "endpoints-0-endpoint": "anthropic",
            "endpoints-0-is_enabled": "false",
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    config = config_for(alice)
    assert config.default.file_bytes == 25 * 1024**2
    assert config.default.families == ("images", "text")
    assert not config.limits_for("anthropic").is_enabled
    assert EndpointRules.objects.get().families is None


def test_days_no_calendar_has_are_refused(page: Client) -> None:
    answer = page.post(ADD_RULES, {**NO_ENDPOINTS, "retention_days": "9999999"})
    assert "less than or equal to 36500" in answer.content.decode()
    assert not FileRules.objects.exists()


def test_types_are_typed_one_a_line(page: Client, alice: User) -> None:
    answer = page.post(ADD_RULES, {**NO_ENDPOINTS, "patterns": "^image/.*\n\n pdf$ "})
    assert answer.status_code == 302, answer.content.decode()
    assert config_for(alice).default.patterns == ("^image/.*", "pdf$")
    change = reverse("admin:files_filerules_change", args=[FileRules.objects.get().pk])
    assert "^image/.*\npdf$" in page.get(change).content.decode()
    wrong = page.post(change, {**NO_ENDPOINTS, "patterns": "("}).content.decode()
    assert "“(” is no regular expression" in wrong


def test_a_second_row_for_everyone_is_refused_with_a_sentence(page: Client) -> None:
    FileRules.objects.create()
    shown = page.post(ADD_RULES, NO_ENDPOINTS).content.decode()
    assert "Everyone has rules already; change those, or choose a group." in shown
    group = Group.objects.create(name="Team", slug="team")
    assert page.post(ADD_RULES, {**NO_ENDPOINTS, "group": str(group.pk)}).status_code == 302
    row = FileRules.objects.get(group=group)
    page.post(reverse("admin:files_filerules_change", args=[row.pk]), NO_ENDPOINTS)
    row.refresh_from_db()
    assert row.group == group
