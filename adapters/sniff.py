"""What a file really is, told by its bytes and never by its name or by what the sender says."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from domain.documents.files import DOCX

_HEAD_BYTES = 64
_CHUNK_BYTES = 256 * 1024

_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD_STREAM = "WordDocument".encode("utf-16-le")
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"})
_IMAGE_BRANDS = frozenset({b"mif1", b"msf1"})

_ZIP_START, _ZIP_ENTRY, _ZIP_END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_ZIP_END_BYTES, _ZIP_ENTRY_BYTES = 22, 46
_MAX_DIRECTORY_BYTES = 512 * 1024


def media_type(content: BinaryIO) -> str | None:
    """Return the accepted media type of a seekable stream, or None; the stream is left at its beginning.

    A signature counts only at the very first byte, so an executable that also carries a document is refused.
    """
    content.seek(0)
    head = content.read(_HEAD_BYTES)
    try:
        return _told_by(head, content)
    finally:
        content.seek(0)


def _told_by(head: bytes, content: BinaryIO) -> str | None:
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if _is_heic(head):
        return "image/heic"
    # Excel, Visio and Windows installers share Word's outer format; only Word has a stream of this name.
    if head.startswith(_COMPOUND_FILE) and _contains(content, _WORD_STREAM):
        return "application/msword"
    return DOCX if head.startswith(_ZIP_START) and _is_docx(content) else None


def _is_heic(head: bytes) -> bool:
    if head[4:8] != b"ftyp":
        return False
    end = int.from_bytes(head[:4], "big")
    compatible = {head[at : at + 4] for at in range(16, min(end, len(head)), 4)}
    return head[8:12] in _HEIC_BRANDS or (head[8:12] in _IMAGE_BRANDS and bool(compatible & _HEIC_BRANDS))


def _is_docx(content: BinaryIO) -> bool:
    names = set(_zip_names(_zip_directory(content)))
    return {b"[Content_Types].xml", b"word/document.xml"} <= names and b"word/vbaProject.bin" not in names


def _zip_directory(content: BinaryIO) -> bytes:
    """Return the archive's table of contents, empty when it is not where an honest archive has it.

    The standard library would build an object for each of half a million entries that 20 MB can hold.
    """
    length = content.seek(0, os.SEEK_END)
    content.seek(max(0, length - _ZIP_END_BYTES))
    end = content.read(_ZIP_END_BYTES)
    if len(end) < _ZIP_END_BYTES or not end.startswith(_ZIP_END):
        return b""
    size, offset = struct.unpack_from("<II", end, 12)
    if size > _MAX_DIRECTORY_BYTES or offset + size != length - _ZIP_END_BYTES:
        return b""
    content.seek(offset)
    return content.read(size)


def _zip_names(directory: bytes) -> Iterator[bytes]:
    at = 0
    while at + _ZIP_ENTRY_BYTES <= len(directory) and directory.startswith(_ZIP_ENTRY, at):
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        start = at + _ZIP_ENTRY_BYTES
        yield directory[start : start + name]
        at = start + name + extra + comment


def _contains(content: BinaryIO, needle: bytes) -> bool:
    content.seek(0)
    tail = b""
    while chunk := content.read(_CHUNK_BYTES):
        if needle in tail + chunk:
            return True
        tail = chunk[-len(needle) :]
    return False
