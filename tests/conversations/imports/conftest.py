import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from conversations.models import ChatImport
from conversations.tasks import start_import
from librechat_backend.lib.task_worker import Worker

Import = Callable[..., ChatImport]


@pytest.fixture
def import_file(tmp_path: Path, settings: Any) -> Import:
    """Imports a value as JSON, or bytes as they are, for a person; the import when it is over."""
    settings.IMPORT_DIR = tmp_path / "imports"

    def run(user: User, content: Any, name: str = "chats.json") -> ChatImport:
        path = tmp_path / "upload"
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        started = start_import(user=user, path=path, file_name=name)
        Worker().run_until_idle()
        started.refresh_from_db()
        assert list((tmp_path / "imports").iterdir()) == []
        return started

    return run


def zipped(files: dict[str, Any]) -> bytes:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(name, data)
    return buffer.getvalue()
