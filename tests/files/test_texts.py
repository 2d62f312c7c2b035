"""Upload as text: what is read out of which kinds of files (contract 04 §1.8)."""

import pytest

from tests.files import samples
from tests.files.conftest import Person

# The storage makes no difference here.
pytestmark = pytest.mark.parametrize("storage", ["disk"], indirect=True)


@pytest.mark.parametrize(
    ("data", "name", "media_type", "text"),
    [
        (b"hello", "a.txt", "text/plain", "hello"),
        ("Größe".encode(), "a.md", "text/markdown", "Größe"),
        ("Größe".encode("utf-16"), "a.txt", "text/plain", "Größe"),
        ("\ufeffhi".encode(), "a.csv", "text/csv", "hi"),
        (b"<p>hi</p>", "a.html", "text/html", "<p>hi</p>"),
        (b'{"a": 1}', "a.json", "application/json", '{"a": 1}'),
        (b"print(1)", "a.py", "text/x-python", "print(1)"),
        (samples.pdf("One", "Two"), "a.pdf", "application/pdf", "One\n\nTwo"),
        (samples.docx(), "a.docx", samples.DOCX_TYPE, "Hello from Word"),
    ],
)
def test_the_text_is_kept(
    person: Person, data: bytes, name: str, media_type: str, text: str
) -> None:
    """Under the type of the document, whose bytes are what is downloaded and read again."""
    answer = person.upload(data, name, media_type, tool_resource="context")
    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert (file["source"], file["type"], file["bytes"]) == ("text", media_type, len(text.encode()))
    assert "text" not in file
    assert all("text" not in listed for listed in person.list())
    preview = person.http.get(f"/api/files/{file['file_id']}/preview").json()
    assert preview == {
        "file_id": file["file_id"],
        "status": "ready",
        "text": text,
        "textFormat": "text",
    }
    stored = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}").content
    assert stored == data


@pytest.mark.parametrize(
    ("data", "name", "media_type", "text"),
    [
        (samples.xlsx(), "a.xlsx", samples.XLSX_TYPE, "Hello from Excel"),
        (samples.pptx(), "a.pptx", samples.PPTX_TYPE, "Hello from PowerPoint"),
    ],
)
def test_tables_and_slides_are_read(
    person: Person, data: bytes, name: str, media_type: str, text: str
) -> None:
    answer = person.upload(data, name, media_type, tool_resource="context")
    assert answer.status_code == 200, answer.text
    assert text in person.http.get(f"/api/files/{answer.json()['file_id']}/preview").json()["text"]


def test_a_pdf_whose_end_is_missing_is_read_all_the_same(person: Person) -> None:
    whole = samples.pdf("Low water")
    cut = whole[: whole.rindex(b"startxref")]
    answer = person.upload(cut, "tides.pdf", "application/pdf", tool_resource="context")
    assert answer.status_code == 200, answer.text
    read = person.http.get(f"/api/files/{answer.json()['file_id']}/preview").json()
    assert "Low water" in read["text"]


@pytest.mark.parametrize(
    ("data", "name", "media_type", "why"),
    [
        (samples.picture(), "a.png", "image/png", "There is no text in files of this kind."),
        (b"  \n ", "a.txt", "text/plain", "There is no text in it; a scan, perhaps."),
        (
            b"PK\x03\x04broken",
            "a.docx",
            samples.DOCX_TYPE,
            "It is damaged, or not what its name says.",
        ),
        (b"x" * (15 * 1024**2 + 1), "a.txt", "text/plain", "Its text is longer than 15 MB."),
    ],
)
def test_the_person_hears_why_there_is_no_text(
    person: Person, data: bytes, name: str, media_type: str, why: str
) -> None:
    answer = person.upload(data, name, media_type, tool_resource="context")
    message = f"Unable to extract text from “{name}”. {why}"
    assert (answer.status_code, answer.json()) == (400, {"message": message})
    assert person.list() == []
