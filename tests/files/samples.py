"""Files people upload, and files nobody should."""

import struct
import zipfile
import zlib
from io import BytesIO
from typing import cast

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, NumberObject

DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_ORIENTATION = 0x0112
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_OFFICE = "application/vnd.openxmlformats-officedocument"


def picture(
    width: int = 40, height: int = 20, kind: str = "PNG", *, orientation: int = 0, mode: str = "RGB"
) -> bytes:
    """Red on the left, blue on the right; ``orientation`` is that of EXIF."""
    image = Image.new(mode, (width, height), "red")
    image.paste(Image.new(mode, (width // 2, height), "blue"), (width - width // 2, 0))
    exif = Image.Exif()
    if orientation:
        exif[_ORIENTATION] = orientation
        exif[0x010E] = "taken at home"
    data = BytesIO()
    image.save(data, kind, **({"exif": exif} if orientation else {}))
    return data.getvalue()


def animation(frames: int = 3) -> bytes:
    images = [Image.new("RGB", (300, 200), (80 * number, 0, 0)) for number in range(frames)]
    data = BytesIO()
    images[0].save(data, "GIF", save_all=True, append_images=images[1:], duration=50)
    return data.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose head says that it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pdf(*texts: str, password: str = "") -> bytes:
    """One page for each text."""
    writer = PdfWriter()
    for text in texts or ("Hello from a PDF",):
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password)
    data = BytesIO()
    writer.write(data)
    return data.getvalue()


def pdf_claiming_pages(count: int) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    pages = cast(DictionaryObject, writer._pages.get_object())
    pages[NameObject("/Count")] = NumberObject(count)
    data = BytesIO()
    writer.write(data)
    return data.getvalue()


def _package(main: str, main_type: str, parts: dict[str, str]) -> bytes:
    types = "".join(
        f'<Override PartName="/{name}" ContentType="{_OFFICE}.{kind}+xml"/>'
        for name, kind in _kinds(main, main_type, parts)
    )
    root = (
        f'<Relationships xmlns="{_RELATIONSHIPS}"><Relationship Id="rId1" '
        f'Type="{_R}/officeDocument" Target="{main}"/></Relationships>'
    )
    content_types = (
        f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>'
    )
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", content_types)
        archive.writestr("_rels/.rels", root)
        for name, text in parts.items():
            archive.writestr(name, text)
    return data.getvalue()


def _kinds(main: str, main_type: str, parts: dict[str, str]) -> list[tuple[str, str]]:
    kinds = [(main, main_type)]
    kinds += [(n, "spreadsheetml.worksheet") for n in parts if n.startswith("xl/worksheets/")]
    kinds += [
        (name, "presentationml.slide")
        for name in parts
        if name.startswith("ppt/slides/") and name.endswith(".xml")
    ]
    return kinds


def docx(text: str = "Hello from Word", padding: str = "") -> bytes:
    body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>{padding}"
    document = f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    main = "word/document.xml"
    return _package(main, "wordprocessingml.document.main", {main: document})


def docx_bomb(megabytes: int = 700) -> bytes:
    """Some hundred kilobytes that unpack to ``megabytes``."""
    data = BytesIO(docx())
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("word/media/x.xml", "w", force_zip64=True) as part:
            for _ in range(megabytes):
                part.write(b" " * 1024**2)
    return data.getvalue()


def xlsx(*rows: tuple[str, str]) -> bytes:
    cells = "".join(
        "<row>"
        + "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in row)
        + "</row>"
        for row in rows or (("Name", "Hello from Excel"),)
    )
    return _package(
        "xl/workbook.xml",
        "spreadsheetml.sheet.main",
        {
            "xl/workbook.xml": (
                f'<workbook xmlns="{_S}" xmlns:r="{_R}"><sheets>'
                '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>'
            ),
            "xl/_rels/workbook.xml.rels": (
                f'<Relationships xmlns="{_RELATIONSHIPS}"><Relationship Id="rId1" '
                f'Type="{_R}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
            ),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{_S}"><sheetData>{cells}</sheetData></worksheet>'
            ),
        },
    )


def pptx(text: str = "Hello from PowerPoint") -> bytes:
    shape = (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="T"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )
    return _package(
        "ppt/presentation.xml",
        "presentationml.presentation.main",
        {
            "ppt/presentation.xml": (
                f'<p:presentation xmlns:p="{_P}" xmlns:r="{_R}"><p:sldIdLst>'
                '<p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>'
            ),
            "ppt/_rels/presentation.xml.rels": (
                f'<Relationships xmlns="{_RELATIONSHIPS}"><Relationship Id="rId1" '
                f'Type="{_R}/slide" Target="slides/slide1.xml"/></Relationships>'
            ),
            "ppt/slides/slide1.xml": (
                f'<p:sld xmlns:p="{_P}" xmlns:a="{_A}"><p:cSld><p:spTree><p:nvGrpSpPr>'
                '<p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
                f"{shape}</p:spTree></p:cSld></p:sld>"
            ),
        },
    )


def size_of(data: bytes) -> tuple[str | None, int, int, int]:
    """Format, width, height, frames."""
    image = Image.open(BytesIO(data))
    return image.format, image.width, image.height, getattr(image, "n_frames", 1)


def color_at(data: bytes, x: int, y: int) -> str:
    """``red``, ``blue`` or neither."""
    pixel = Image.open(BytesIO(data)).convert("RGB").getpixel((x, y))
    assert isinstance(pixel, tuple)
    red, _, blue = pixel
    return "red" if red > 200 and blue < 60 else "blue" if blue > 200 and red < 60 else ""
