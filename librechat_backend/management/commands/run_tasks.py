"""``manage.py run_tasks``: a worker for background tasks, as a process of its own."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from librechat_backend.lib.task_worker import Worker


class Command(BaseCommand):
    help = "Works on background tasks until it is stopped. As many may run as you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--until-idle", action="store_true", help="End when there is nothing left to do"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        if options["until_idle"]:
            self.stdout.write(f"Tasks run: {worker.run_until_idle()}")
        else:
            worker.run_until_stopped()
