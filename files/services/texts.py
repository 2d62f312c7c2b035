"""What was found in files that were opened later than at their upload."""

from files.models import File

_PROBLEM_LENGTH = 200


def keep_text(*, file: File, text: str) -> None:
    file.text, file.text_state, file.text_problem = text, File.TextState.READ, ""
    file.save(update_fields=["text", "text_state", "text_problem"])


def keep_problem(*, file: File, problem: str) -> None:
    file.text_state, file.text_problem = File.TextState.FAILED, problem[:_PROBLEM_LENGTH]
    file.save(update_fields=["text_state", "text_problem"])
