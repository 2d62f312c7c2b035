"""The command, as an operator calls it."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command

from tests.moving.librechat_values import CREDS_IV, CREDS_KEY


@dataclass(frozen=True, slots=True)
class Done:
    """``problem`` is empty when the command was content."""

    said: str
    problem: str

    def counts(self, collection: str) -> dict[str, int]:
        """The line of the table."""
        lines = self.said.splitlines()
        names = next(line for line in lines if "written" in line).split()
        line = next(each for each in lines if each.split()[:1] == [collection])
        figures = [int(figure.replace(",", "")) for figure in line.split()[-len(names) :]]
        return dict(zip(names, figures, strict=True))


def move_in(source: Path | str, *options: str) -> Done:
    out, problem = StringIO(), ""
    try:
        call_command("import_librechat", str(source), *options, stdout=out, stderr=StringIO())
    except CommandError as error:
        problem = str(error)
    return Done(out.getvalue(), problem)


def env_file(directory: Path, key: str = CREDS_KEY, iv: str = CREDS_IV) -> Path:
    path = directory / "old.env"
    path.write_text(f"CREDS_KEY={key}\nCREDS_IV={iv}\n", encoding="utf-8")
    return path
