"""Media types: what a file is said to be, what it is, and which are allowed. Pure (04 §1.3)."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

MAX_PATTERN_LENGTH = 300
# No name is longer (RFC 6838), so each fits into its column.
_MEDIA_TYPE = re.compile(r"[a-z0-9.+_-]{1,127}/[a-z0-9.+_-]{1,127}")
UNKNOWN = "application/octet-stream"
PDF = "application/pdf"

_ALIASES = {
    "application/x-zip-compressed": "application/zip",
    "text/x-python-script": "text/x-python",
    "text/x-markdown": "text/markdown",
    "application/x-shellscript": "application/x-sh",
    "text/x-shellscript": "application/x-sh",
    "image/jpg": "image/jpeg",
}
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_ODF = "application/vnd.oasis.opendocument."
_BY_EXTENSION = {
    "csv": "text/csv", "docx": _WORD, "epub": "application/epub+zip", "gif": "image/gif",
    "heic": "image/heic", "heif": "image/heif", "htm": "text/html", "html": "text/html",
    "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
    "json": "application/json", "markdown": "text/markdown", "md": "text/markdown",
    "mp3": "audio/mpeg", "mp4": "video/mp4", "odp": f"{_ODF}presentation",
    "ods": f"{_ODF}spreadsheet", "odt": f"{_ODF}text", "pdf": PDF, "png": "image/png",
    "pptx": _SLIDES, "py": "text/x-python", "sh": "application/x-sh",
    "sql": "application/sql", "svg": "image/svg+xml", "ts": "application/typescript",
    "tsv": "text/tab-separated-values", "wav": "audio/wav", "webm": "video/webm",
    "webp": "image/webp", "xls": "application/vnd.ms-excel", "xlsx": _SHEET,
    "xml": "application/xml", "yaml": "application/yaml", "yml": "application/yaml",
    "zip": "application/zip",
}  # fmt: skip
_PLAIN_EXTENSIONS = frozenset(
    "adoc bash bat c cc cfg clj cmake conf cpp cs css cxx dart diff dockerfile env erl ex exs f90"
    " gitignore go gradle graphql groovy h hpp hs htaccess inc ini java jl jsx kt kts less lisp"
    " log lua m makefile mjs mm nim nix patch php pl pm proto ps1 r rb rs rst sass scala scss"
    " sol svelte swift tcl tex text tf toml tsx txt v vb vim vue zig".split()
)

# Family → patterns; as text they are valid for Python and for the client's JavaScript alike.
FAMILIES: dict[str, tuple[str, ...]] = {
    "images": (r"^image/(jpeg|gif|png|webp|heic|heif|svg|svg\+xml)$",),
    "text": (
        r"^text/(x-c|x-csharp|tab-separated-values|x-c\+\+|x-h|x-java|html|markdown|x-php|x-python"
        r"|x-script\.python|x-ruby|x-tex|plain|css|vtt|javascript|csv|xml|calendar)$",
        r"^application/(csv|json|x-sh|typescript|sql|yaml|xml|vnd\.coffeescript)$",
    ),
    "documents": (
        r"^application/(epub\+zip|msword|pdf"
        r"|vnd\.openxmlformats-officedocument\.wordprocessingml\.document"
        r"|vnd\.openxmlformats-officedocument\.presentationml\.(presentation|template)"
        r"|vnd\.oasis\.opendocument\.(text|presentation|graphics))$",
    ),
    "spreadsheets": (
        r"^application/(vnd\.ms-excel|msexcel|x-msexcel|x-ms-excel|x-excel|x-dos_ms_excel|xls|x-xls"
        r"|vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet"
        r"|vnd\.oasis\.opendocument\.spreadsheet|x-parquet|vnd\.apache\.parquet)$",
    ),
    "archives": (r"^application/(x-tar|x-zip-compressed|zip)$",),
    "audio": (
        r"^audio/(mp3|mpeg|mpeg3|wav|wave|x-wav|ogg|vorbis|mp4|m4a|x-m4a|flac|x-flac|webm|aac|wma"
        r"|opus)$",
    ),
    "video": (r"^video/(mp4|avi|mov|wmv|flv|webm|mkv|m4v|3gp|ogv)$",),
    "mails": (r"^message/rfc822$",),
}
FAMILY_LABELS = {
    "images": "Pictures",
    "text": "Text and source code",
    "documents": "Documents (PDF, Word, PowerPoint, OpenDocument)",
    "spreadsheets": "Spreadsheets",
    "archives": "Archives (ZIP, TAR)",
    "audio": "Audio",
    "video": "Video",
    "mails": "E-mails",
}
_PATTERNS = {name: re.compile("|".join(patterns)) for name, patterns in FAMILIES.items()}

# What programs that extract text are made for.
OFFICE_TYPES = frozenset(
    {_WORD, _SHEET, _SLIDES, "application/vnd.ms-excel", "application/epub+zip"}
    | {f"{_ODF}{kind}" for kind in ("text", "spreadsheet", "presentation")}
)
PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

_SIGNATURES: Sequence[tuple[bytes, str]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", PDF),
    (b"PK\x03\x04", "application/zip"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
)
_ZIPPED = OFFICE_TYPES - {"application/vnd.ms-excel"} | {"application/zip"}


def normalized(declared: str, name: str) -> str:
    """The type a file is said to have: its declaration, or else what its extension means."""
    media_type = declared.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type == UNKNOWN:
        media_type = _by_name(name)
    return _ALIASES.get(media_type, media_type)


def _by_name(name: str) -> str:
    path = PurePosixPath(name.lower())
    extension = path.suffix.removeprefix(".") or path.name.removeprefix(".")
    if extension in _PLAIN_EXTENSIONS:
        return "text/plain"
    return _BY_EXTENSION.get(extension, UNKNOWN)


def is_allowed(media_type: str, families: Sequence[str]) -> bool:
    return any(_PATTERNS[name].fullmatch(media_type) for name in families if name in _PATTERNS)


def matches(media_type: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern is found anywhere in it, as the client looks for them."""
    return any(re.search(pattern, media_type) for pattern in patterns)


def pattern_problem(pattern: str) -> str:
    """Why it cannot be used; empty where it can. It is read here and in the browser."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return f"At most {MAX_PATTERN_LENGTH} characters."
    try:
        re.compile(pattern)
    except re.error as error:
        return f"“{pattern}” is no regular expression: {error}."
    return ""


def contradicts(media_type: str, head: bytes) -> bool:
    """Whether the first bytes of a file show that it is not of ``media_type``."""
    found = sniffed(head)
    if media_type in PICTURE_TYPES:
        return found != media_type and not (media_type == "image/webp" and _is_webp(head))
    if media_type == PDF:
        return b"%PDF-" not in head[:1024]
    if media_type in _ZIPPED:
        return found != "application/zip"
    if is_textual(media_type):
        return found not in ("", "text/plain") or b"\x00" in _without_wide_characters(head)
    return found in ("application/x-msdownload", "application/x-executable")


def sniffed(head: bytes) -> str:
    """The type the first bytes tell; empty where they tell nothing."""
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), "")


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _without_wide_characters(head: bytes) -> bytes:
    """UTF-16 has NUL bytes, and says so at its beginning."""
    return b"" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head


def is_textual(media_type: str) -> bool:
    """Whether its bytes are text as they are."""
    return media_type.startswith("text/") or bool(_TEXTUAL.fullmatch(media_type))


_TEXTUAL = re.compile(_PATTERNS["text"].pattern + r"|^message/rfc822$|^image/svg\+xml$")


def patterns_of(families: Sequence[str]) -> list[str]:
    """For the client; in the order of FAMILIES."""
    return [text for name, texts in FAMILIES.items() if name in families for text in texts]


def known_families(value: object) -> list[str] | None:
    """``value`` of a column, if it is a list of families."""
    if not isinstance(value, list):
        return None
    return [name for name in FAMILIES if name in value]


# Of the pictures we write.
PICTURE_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
}
