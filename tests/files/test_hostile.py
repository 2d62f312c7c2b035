"""Files made to do harm: refused with a clear sentence, or harmless when they come back."""

import pytest

from tests.files import samples
from tests.files.conftest import Person, Storage

# The storage makes no difference here.
pytestmark = pytest.mark.parametrize("storage", ["disk"], indirect=True)

PDF = "application/pdf"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((50_000, 50_000), "It has more than 80 million pixels."),
        ((9_000, 9_000), "It has more than 80 million pixels."),
        ((2**31 - 1, 2**31 - 1), "It has more than 80 million pixels."),
    ],
)
def test_pictures_of_absurd_sizes_are_refused(
    storage: Storage, person: Person, size: tuple[int, int], message: str
) -> None:
    before = storage.keys()
    answer = person.upload_picture(samples.png_claiming(*size), "big.png")
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": f"“big.png” cannot be used. {message}"},
    )
    assert (storage.keys(), storage.spooled()) == (before, [])


def test_a_picture_that_ends_too_soon_is_refused(person: Person) -> None:
    for data in (samples.picture()[:60], samples.png_claiming(100, 100)):
        answer = person.upload_picture(data)
        assert answer.status_code == 400
        assert "is not a picture that can be opened" in answer.json()["message"]


def test_nothing_but_the_picture_is_left(person: Person) -> None:
    html = b"<html><script>alert(document.domain)</script></html>"
    for kind, media_type in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif")):
        data = samples.picture(kind=kind, orientation=6 if kind == "JPEG" else 0) + html
        file = person.upload_picture(data, f"cat.{kind.lower()}", media_type).json()
        shown = person.browser.get(file["filepath"])
        assert b"<script" not in shown.content
        assert b"taken at home" not in shown.content
        assert shown.headers["Content-Type"] == ("image/jpeg" if kind == "JPEG" else "image/png")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_a_turned_picture_stands_upright(person: Person) -> None:
    data = samples.picture(40, 20, "JPEG", orientation=6)
    file = person.upload_picture(data, "cat.jpg", "image/jpeg").json()
    assert (file["width"], file["height"], file["type"]) == (20, 40, "image/jpeg")
    shown = person.browser.get(file["filepath"]).content
    assert samples.size_of(shown) == ("JPEG", 20, 40, 1)
    # Red was on the left and is on top now.
    assert samples.color_at(shown, 10, 5) == "red"
    assert samples.color_at(shown, 10, 35) == "blue"


@pytest.mark.parametrize(
    ("endpoint", "size"), [("Demo", (768, 384)), ("anthropic", (768, 384)), ("wide", (2000, 200))]
)
def test_large_pictures_are_made_smaller(
    person: Person, endpoint: str, size: tuple[int, int]
) -> None:
    data = samples.picture(3000, 300) if endpoint == "wide" else samples.picture(3000, 1500)
    file = person.upload_picture(data, endpoint=endpoint).json()
    expected = (1536, 768) if size == (768, 384) else size
    assert (file["width"], file["height"]) == expected


def test_long_pictures_for_anthropic_are_made_smaller_still(person: Person) -> None:
    file = person.upload_picture(samples.picture(3000, 300), endpoint="anthropic").json()
    assert (file["width"], file["height"]) == (1568, 157)


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"<html><script>alert(1)</script>", "cat.png", "image/png"),
        (b"MZ\x90\x00", "notes.txt", "text/plain"),
        (b"\x7fELF\x02", "notes.md", "text/markdown"),
        (b"not a pdf", "plan.pdf", PDF),
        (b"not a zip", "plan.docx", samples.DOCX_TYPE),
        (b"a\x00b", "notes.txt", "text/plain"),
        (samples.picture(), "plan.pdf", PDF),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    person: Person, data: bytes, name: str, media_type: str
) -> None:
    answer = person.upload(data, name, media_type)
    assert (answer.status_code, answer.json()) == (
        415,
        {"message": f"{name} is not what its name or type says ({media_type})."},
    )


@pytest.mark.parametrize("declared", [PDF, samples.DOCX_TYPE, "image/png", "a:b/c"])
@pytest.mark.parametrize("purpose", ["", "context"])
def test_refusals_are_shown_whole(person: Person, declared: str, purpose: str) -> None:
    """The client drops what stands before a colon in a message."""
    answer = person.upload(b"%PDF-x", "a: b.pdf", declared, tool_resource=purpose)
    assert answer.status_code in (400, 415)
    assert ":" not in answer.json()["message"]


def test_active_documents_are_only_ever_downloads(person: Person) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    refused = person.upload_picture(svg, "x.svg", "image/svg+xml")
    assert (refused.status_code, refused.json()) == (
        415,
        {
            "message": "x.svg is no picture that models can see. JPEG, PNG, GIF and WebP are; "
            "try to upload it as text."
        },
    )
    for data, name, media_type in (
        (svg, "x.svg", "image/svg+xml"),
        (b"<script>alert(1)</script>", "x.html", "text/html"),
    ):
        file = person.upload(data, name, media_type).json()
        answer = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Content-Security-Policy"].endswith("sandbox")
        assert b"<script" not in person.browser.get(file["filepath"]).content


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.txt", "boot.txt"),
        ("a\x00b.txt", "ab.txt"),
        ("invoice\u202etxt.exe", "invoicetxt.exe"),
        ("..", "file"),
        ("", "file"),
        ("x" * 400 + ".txt", "x" * 251 + ".txt"),
        ("Größe 📎.txt", "Größe 📎.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie: x=1.txt"),
        ('quote".txt', 'quote".txt'),
    ],
)
def test_names_do_no_harm(person: Person, name: str, shown: str) -> None:
    answer = person.upload(b"hello", name, "text/plain")
    if not name:  # a part without a name is a field, not a file
        assert answer.status_code in (200, 400)
        return
    file = answer.json()
    assert file["filename"] == shown
    last = file["filepath"].rpartition("/")[2]
    assert last.startswith(f"{file['file_id']}__")
    assert not set(last) & set('/\\\x00"\r\n%:?#')
    download = person.http.get(f"/api/files/download/{person.id}/{file['file_id']}")
    assert download.content == b"hello"
    assert "Set-Cookie" not in download.headers


def test_documents_that_cannot_be_opened_say_why(person: Person) -> None:
    answer = person.upload(samples.pdf(password="secret"), "plan.pdf", PDF)
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "“plan.pdf” cannot be used. It is protected by a password."},
    )
    broken = b"%PDF-1.7\n" + b"x" * 500
    answer = person.upload(broken, "plan.pdf", PDF)
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "“plan.pdf” cannot be used. It is damaged, or not what its name says."},
    )


def test_a_million_pages_that_are_not_there_cost_nothing(person: Person) -> None:
    data = samples.pdf_claiming_pages(1_000_000)
    assert person.upload(data, "plan.pdf", PDF).status_code == 200
    answer = person.upload(data, "plan.pdf", PDF, tool_resource="context")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Unable to extract text from “plan.pdf”.")


def test_a_document_that_unpacks_to_too_much_is_refused(person: Person) -> None:
    answer = person.upload(
        samples.docx_bomb(), "plan.docx", samples.DOCX_TYPE, tool_resource="context"
    )
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "message": "Unable to extract text from “plan.docx”. "
            "It unpacks to far more than it should."
        },
    )
