"""The smallest contents that are truly of each accepted type, and some that only look like it."""

import io
import zipfile


def archive(*names: str) -> bytes:
    """A zip with these entries."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        for name in names:
            target.writestr(name, "x")
    return content.getvalue()


COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
EXECUTABLE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(56)

ACCEPTED = {
    "application/pdf": b"%PDF-1.7\n",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "image/tiff": b"II*\x00\x08\x00\x00\x00",
    "application/msword": COMPOUND + bytes(700_000) + "WordDocument".encode("utf-16-le") + bytes(64),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": DOCX,
}
