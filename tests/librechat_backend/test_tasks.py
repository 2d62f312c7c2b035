"""Background tasks: once each, again after a failure of the process, never half forgotten."""

import json
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from librechat_backend.lib import tasks
from librechat_backend.lib.task_worker import ATTEMPTS_MAX, Worker, release_lapsed, remove_old
from librechat_backend.lib.tasks import LONG, enqueue
from tests.librechat_backend import sample_tasks
from tests.live import ROOT, STOP_SECONDS, LiveServer

WAIT_SECONDS = 20


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def only_task() -> Any:
    return DBTaskResult.objects.get()


# -- In this process -----------------------------------------------------------------------


@pytest.mark.django_db
def test_task_runs_once_when_it_is_enqueued(tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"), text="hello")
    assert Worker().run_until_idle() == 1
    assert Worker().run_until_idle() == 0
    assert lines(tmp_path / "notes") == ["hello"]
    assert only_task().status == "SUCCESSFUL"


@pytest.mark.django_db
def test_task_is_no_more_when_its_transaction_is_undone(tmp_path: Path) -> None:
    with transaction.atomic():
        enqueue(sample_tasks.note, str(tmp_path / "notes"))
        transaction.set_rollback(True)
    assert Worker().run_until_idle() == 0
    assert lines(tmp_path / "notes") == []


@pytest.mark.django_db
def test_worker_goes_on_with_what_a_task_has_added(tmp_path: Path) -> None:
    enqueue(sample_tasks.note_twice, str(tmp_path / "notes"))
    assert Worker().run_until_idle() == 2
    assert lines(tmp_path / "notes") == ["first", "second"]


@pytest.mark.django_db
def test_long_task_leaves_a_worker_for_the_others(tmp_path: Path) -> None:
    enqueue(sample_tasks.note.using(queue_name=LONG), str(tmp_path / "notes"), "long")
    enqueue(sample_tasks.note, str(tmp_path / "notes"), "short")
    assert Worker(takes_long=False).run_until_idle() == 1
    assert lines(tmp_path / "notes") == ["short"]
    assert Worker().run_until_idle() == 1
    assert lines(tmp_path / "notes") == ["short", "long"]


@pytest.mark.django_db
def test_planned_task_waits_for_its_time(tmp_path: Path) -> None:
    later = timezone.now() + timedelta(hours=1)
    enqueue(sample_tasks.note.using(run_after=later), str(tmp_path / "notes"))
    assert Worker().run_until_idle() == 0
    DBTaskResult.objects.update(run_after=timezone.now())
    assert Worker().run_until_idle() == 1


@pytest.mark.django_db
def test_failure_tells_where_but_not_what_people_wrote() -> None:
    enqueue(sample_tasks.refuse, "hunter2")
    Worker().run_until_idle()
    failed = only_task()
    assert (failed.status, failed.exception_class_path) == ("FAILED", "builtins.ValueError")
    assert "in refuse" in failed.traceback
    assert failed.traceback.startswith("ValueError\n")
    assert "hunter2" not in failed.traceback


@pytest.mark.django_db
def test_failure_of_the_machine_is_told_in_full(tmp_path: Path) -> None:
    enqueue(sample_tasks.miss, str(tmp_path / "none"))
    Worker().run_until_idle()
    assert "FileNotFoundError: [Errno 2] No such file or directory" in only_task().traceback


@pytest.mark.django_db
def test_worker_survives_when_a_task_leaves(tmp_path: Path) -> None:
    enqueue(sample_tasks.leave, str(tmp_path / "notes"))
    enqueue(sample_tasks.note, str(tmp_path / "notes"), "next")
    assert Worker().run_until_idle() == 2
    assert lines(tmp_path / "notes") == ["began", "next"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["tests.nowhere.work", "librechat_backend.lib.tasks.enqueue"])
def test_task_fails_when_the_code_has_none_of_its_name(path: str, tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    DBTaskResult.objects.update(task_path=path)
    Worker().run_until_idle()
    assert only_task().status == "FAILED"


@pytest.mark.django_db
def test_task_is_given_up_when_it_has_ended_its_process_too_often(tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    for attempt in range(ATTEMPTS_MAX):
        assert only_task().status == "READY", attempt
        _claim_and_die()
        release_lapsed()
    assert only_task().status == "FAILED"
    assert only_task().traceback == "The process it ran in has ended 3 times."


@pytest.mark.django_db
def test_task_stays_where_it_is_when_its_worker_lives(tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    assert Worker()._claim_ready() is not None
    assert Worker().run_until_idle() == 0
    assert only_task().status == "RUNNING"


@pytest.mark.django_db
def test_late_worker_changes_nothing_when_another_has_the_task(tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    claim = Worker()._claim_ready()
    assert claim is not None
    DBTaskResult.objects.update(run_after=timezone.now())
    release_lapsed()
    other = Worker()
    assert other._claim_ready() is not None
    changes = [claim.extend(), claim.succeed(), claim.fail(OSError()), claim.give_back()]
    assert changes == [False, False, False, False]
    assert only_task().status == "RUNNING"
    assert only_task().worker_ids[-1] == other.id


@pytest.mark.django_db
def test_long_task_hears_that_the_worker_stops(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    (tmp_path / "numbers.go").touch()
    enqueue(sample_tasks.count, str(path))
    worker = Worker()
    worker.stop()
    assert worker.run_until_idle() == 0
    worker.run_one()
    assert lines(path) == []
    assert (only_task().status, only_task().worker_ids) == ("READY", [])
    Worker().run_until_idle()
    assert lines(path) == [str(number) for number in range(sample_tasks.STEPS)]


def test_interruption_is_nothing_outside_a_worker() -> None:
    tasks.check_interruption()


@pytest.mark.django_db
def test_what_is_long_over_is_forgotten(tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    enqueue(sample_tasks.refuse, "x")
    Worker().run_until_idle()
    remove_old()
    assert DBTaskResult.objects.count() == 2
    DBTaskResult.objects.update(finished_at=timezone.now() - timedelta(days=4))
    remove_old()
    assert [task.status for task in DBTaskResult.objects.all()] == ["FAILED"]
    DBTaskResult.objects.update(finished_at=timezone.now() - timedelta(days=31))
    remove_old()
    assert DBTaskResult.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_each_task_runs_once_when_several_workers_race(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    for number in range(20):
        enqueue(sample_tasks.note, str(path), str(number))
    threads = [Thread(target=_work_until_idle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines(path), key=int) == [str(number) for number in range(20)]


@pytest.mark.django_db(transaction=True)
def test_lease_is_renewed_while_the_task_runs(tmp_path: Path, settings: Any) -> None:
    settings.TASK_LEASE_SECONDS = 0.3
    (tmp_path / "numbers.go").touch()
    enqueue(sample_tasks.count, str(tmp_path / "numbers"))
    over = Event()
    thread = Thread(target=_work_until_idle, args=(over,))
    thread.start()
    while not over.is_set():
        release_lapsed()
        time.sleep(0.05)
    thread.join()
    task = only_task()
    assert (task.status, len(task.worker_ids)) == ("SUCCESSFUL", 1)


def _claim_and_die() -> None:
    assert Worker()._claim_ready() is not None
    DBTaskResult.objects.update(run_after=timezone.now())


def _work_until_idle(over: Event | None = None) -> None:
    Worker().run_until_idle()
    connections.close_all()
    if over:
        over.set()


# -- As processes --------------------------------------------------------------------------


def test_task_is_finished_by_the_next_process_when_the_first_is_killed(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(sample_tasks.STEPS)]
    killed, stopped = tmp_path / "killed", tmp_path / "stopped"
    server = LiveServer(env={"DJANGO_SETTINGS_MODULE": "tests.librechat_backend.task_settings"})
    try:
        server.migrate()
        _enqueue(server, killed)
        server.start()
        _wait_for(killed, sample_tasks.HOLD)
        server.kill()
        assert lines(killed) == numbers[: sample_tasks.HOLD]
        (tmp_path / "killed.go").touch()
        server.start()
        _wait_for(killed, sample_tasks.STEPS)
        assert lines(killed) == numbers

        server.stop()
        _enqueue(server, stopped)
        server.start()
        _wait_for(stopped, sample_tasks.HOLD)
        assert server.stop() == 0
        assert lines(stopped) == numbers[: sample_tasks.HOLD]
        (tmp_path / "stopped.go").touch()
        # Given back, so nobody has to wait for the lease.
        assert server.manage("run_tasks", "--until-idle") == "Tasks run: 1\n"
        assert lines(stopped) == numbers
    finally:
        server.close()


def test_worker_command_ends_cleanly_when_it_is_stopped(tmp_path: Path) -> None:
    server = LiveServer()
    try:
        server.migrate()
        path = tmp_path / "numbers"
        _enqueue(server, path)
        command = [sys.executable, "manage.py", "run_tasks"]
        with server.log_path.open("ab") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=log, stderr=log)
        _wait_for(path, sample_tasks.HOLD)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(STOP_SECONDS) == 0
        assert len(lines(path)) == sample_tasks.HOLD
        assert "Traceback" not in server.log()
    finally:
        server.close()


def _enqueue(server: LiveServer, path: Path) -> None:
    code = (
        "from librechat_backend.lib.tasks import LONG, enqueue;"
        "from tests.librechat_backend.sample_tasks import count;"
        f"enqueue(count, {json.dumps(str(path))})"
    )
    server.manage("shell", "--no-imports", "-c", code)


def _wait_for(path: Path, count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while len(lines(path)) < count:
        assert time.monotonic() < deadline, lines(path)
        time.sleep(0.02)


# -- The administration --------------------------------------------------------------------


@pytest.fixture
def admin(admin_user: User) -> Client:
    admin_user.is_superuser = admin_user.is_staff = True
    admin_user.save()
    client = Client()
    client.force_login(admin_user)
    return client


LIST = "/admin/librechat_backend/backgroundtask/"


def test_administrator_sees_what_failed_and_runs_it_again(admin: Client, tmp_path: Path) -> None:
    path = tmp_path / "later"
    enqueue(sample_tasks.miss, str(path))
    Worker().run_until_idle()
    page = admin.get(f"{LIST}?status=FAILED").content.decode()
    assert ">Background tasks<" in page.replace("\n", "").replace("  ", "")
    assert ">Miss<" in page
    failed = only_task()
    assert "FileNotFoundError" in admin.get(f"{LIST}{failed.pk}/change/").content.decode()
    path.touch()
    action = {"action": "run_again", "_selected_action": str(failed.pk)}
    assert "To be run again: 1." in admin.post(LIST, action, follow=True).content.decode()
    Worker().run_until_idle()
    assert only_task().status == "SUCCESSFUL"


def test_running_task_is_left_alone_when_it_is_to_run_again(admin: Client, tmp_path: Path) -> None:
    enqueue(sample_tasks.note, str(tmp_path / "notes"))
    assert Worker()._claim_ready() is not None
    action = {"action": "run_again", "_selected_action": str(only_task().pk)}
    assert "To be run again: 0." in admin.post(LIST, action, follow=True).content.decode()
    assert only_task().status == "RUNNING"


def test_tasks_are_hidden_from_people_without_rights(alice: User, tmp_path: Path) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(LIST).status_code == 302
