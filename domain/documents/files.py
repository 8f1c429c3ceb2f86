"""What may be attached to an order, under which name, and where it is kept."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from domain.documents.tracking_id import ALPHABET

MAX_FILES = 10
MAX_BYTES = 20 * 1024 * 1024
MAX_NAME_CHARS = 150
# A file system counts bytes and stops at 255; a name in Chinese needs three for each character.
MAX_NAME_BYTES = 240
TOKEN_LENGTH = 26

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

EXTENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "application/pdf": ("pdf",),
        "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
        "image/png": ("png",),
        "image/webp": ("webp",),
        "image/heic": ("heic", "heif"),
        "image/tiff": ("tif", "tiff"),
        "application/msword": ("doc",),
        DOCX: ("docx",),
    }
)
"""The accepted media types, each with the extensions that agree with it; the first is the one we give."""

TOO_MANY = f"At most {MAX_FILES} files."
EMPTY = "The file is empty."
TOO_LARGE = "Larger than 20 MB."
NOT_ACCEPTED = "Not an accepted type: send PDF, JPEG, PNG, WebP, HEIC, TIFF, DOC or DOCX."
DISAGREES = "The name of the file does not fit its content."

# Controls, marks that turn the direction of writing, lone surrogates, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,7})$")
_KEY = re.compile(rf"media/orders/[{ALPHABET}]{{{TOKEN_LENGTH}}}(?:/(?P<name>[^/\\\x00]+))?")


class Candidate(msgspec.Struct, frozen=True):
    """A file as it was sent; `media_type` is what its content shows, None when that is nothing we accept."""

    name: str
    size: int
    media_type: str | None


class CheckedFile(msgspec.Struct, frozen=True):
    """A file that may be kept, under a name that is safe to store and to offer for download."""

    name: str
    size: int
    media_type: str


class StoredFile(msgspec.Struct, frozen=True):
    """What an order remembers of a file; the name is personal and is sealed beside it.

    `key` names the file's own folder, `media/orders/<token>`; only with the sealed name does it become the
    file's full key, so the log never shows a name. `size` in bytes, `sha256` in hex.
    """

    file_id: str
    media_type: str
    size: int
    sha256: str
    key: str


def check_files(candidates: Iterable[Candidate]) -> tuple[list[CheckedFile], dict[str, list[str]]]:
    """Return the files that may be kept, and the messages about the others by `files.N`."""
    checked: list[CheckedFile] = []
    problems: dict[str, list[str]] = {}
    for number, sent in enumerate(candidates):
        problem = TOO_MANY if number >= MAX_FILES else _problem(sent)
        if problem or sent.media_type is None:
            problems[f"files.{number}"] = [problem or NOT_ACCEPTED]
        else:
            name = safe_name(sent.name, media_type=sent.media_type)
            checked.append(CheckedFile(name, sent.size, sent.media_type))
    return checked, problems


def safe_name(name: str, *, media_type: str) -> str:
    """Return the last part of a path in NFC, without control characters, in at most 150 characters.

    Nothing left means `document.<ext>`; a long name is cut before its extension.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    printable = "".join(char for char in last if unicodedata.category(char) not in _UNPRINTABLE)
    stem, extension = _split(" ".join(printable.split()).strip(". "))
    stem = stem.strip(". ")
    if not stem:
        return f"document.{EXTENSIONS[media_type][0]}"
    room = MAX_NAME_BYTES - len(extension)
    stem = stem[: MAX_NAME_CHARS - len(extension)].encode()[:room].decode(errors="ignore")
    return stem.rstrip(". ") + extension


def draw_token(random_bytes: Callable[[int], bytes]) -> str:
    """Return 26 Crockford characters, 130 random bits: whoever holds the link may read the file."""
    number = int.from_bytes(random_bytes(17), "big")
    return "".join(ALPHABET[(number >> 5 * place) & 31] for place in range(TOKEN_LENGTH))


def folder_key(token: str) -> str:
    """Return the key of the folder that holds one file, as `StoredFile.key` keeps it."""
    return f"media/orders/{token}"


def file_key(folder: str, name: str) -> str:
    """Return the full key of a file: also the path of its link."""
    return f"{folder}/{name}"


def is_folder_key(key: str) -> bool:
    """Tell whether this is the key of a file's folder."""
    match = _KEY.fullmatch(key)
    return match is not None and match["name"] is None


def is_file_key(key: str) -> bool:
    """Tell whether this is the full key of a file; anything that could lead elsewhere is not."""
    match = _KEY.fullmatch(key)
    return match is not None and match["name"] not in {None, ".", ".."}


def _problem(sent: Candidate) -> str | None:
    if sent.size == 0:
        return EMPTY
    if sent.size > MAX_BYTES:
        return TOO_LARGE
    if sent.media_type is None:
        return NOT_ACCEPTED
    extension = _split(sent.name.strip())[1].removeprefix(".").lower()
    return DISAGREES if extension and extension not in EXTENSIONS[sent.media_type] else None


def _split(name: str) -> tuple[str, str]:
    match = _EXTENSION.search(name)
    return (name[: match.start()], match.group()) if match else (name, "")
