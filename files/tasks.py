"""Background tasks of files."""

from contextlib import suppress

from asgiref.sync import async_to_sync

from files.exceptions import Unreadable
from files.models import File
from files.services import cleaning
from librechat_backend.lib.tasks import task


@task
def remove_waste() -> None:
    """Remove the bytes no file has any more."""
    cleaning.remove_waste()


@task
def read_text(file_pk: str) -> None:
    """Extract the text of a file anew; why it cannot be is kept with the file."""
    from files import reading  # it uses services that give tasks

    file = File.objects.select_related("blob").filter(pk=file_pk).first()
    if file is not None:
        with suppress(Unreadable):
            async_to_sync(reading.read_again)(file)
