"""What a file is, told by its bytes."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sniff import media_type
from domain.documents.files import EXTENSIONS
from tests.adapters.samples import ACCEPTED, COMPOUND, DOCX, EXECUTABLE, archive


def told(content: bytes) -> str | None:
    return media_type(io.BytesIO(content))


def test_there_is_a_sample_of_every_accepted_type() -> None:
    assert set(ACCEPTED) == set(EXTENSIONS)


@pytest.mark.parametrize("expected", ACCEPTED)
def test_every_accepted_type_is_known_by_its_content(expected: str) -> None:
    assert told(ACCEPTED[expected]) == expected


def test_other_spellings_of_image_types_are_known_too() -> None:
    assert told(b"MM\x00*\x00\x00\x00\x08") == "image/tiff"
    assert told(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf") == "image/heic"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain text",
        b"#!/bin/sh\n",
        b"\x7fELF\x02\x01",
        EXECUTABLE,
        EXECUTABLE + b"%PDF-1.7\n",
        EXECUTABLE + DOCX,
        b"<html>%PDF-1.7",
        b"GIF89a",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00heicmp42",
        COMPOUND + "Workbook".encode("utf-16-le"),
        archive("[Content_Types].xml", "xl/workbook.xml"),
        archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        archive("META-INF/MANIFEST.MF", "Main.class"),
        DOCX[:-5],
        DOCX + b"more",
        b"PK\x03\x04",
    ],
)
def test_scenario_7_anything_else_is_not_accepted_whatever_it_is_called(content: bytes) -> None:
    assert told(content) is None


def test_word_is_found_across_the_pieces_a_file_is_read_in() -> None:
    for gap in range(256 * 1024 - 520, 256 * 1024 - 500):
        assert told(COMPOUND + bytes(gap) + "WordDocument".encode("utf-16-le")) == "application/msword"


def test_the_stream_is_left_at_its_beginning() -> None:
    content = io.BytesIO(DOCX)
    content.read(5)
    media_type(content)
    assert content.tell() == 0


# The first twelve bytes stay: noise there may well be the signature of another accepted type.
@given(st.binary(max_size=100), st.integers(12, len(DOCX)))
def test_damaged_archives_are_refused_quietly(noise: bytes, cut: int) -> None:
    assert told(DOCX[:cut] + noise + DOCX[cut:]) in {None, told(DOCX)}
    assert told(DOCX[:12] + noise + b"PK\x05\x06" + noise[:18].ljust(18, b"\xff")) is None
