"""Which files may be attached, and the names and keys they are given."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.files import (
    DOCX,
    EXTENSIONS,
    MAX_BYTES,
    Candidate,
    check_files,
    draw_token,
    file_key,
    folder_key,
    is_file_key,
    is_folder_key,
    safe_name,
)

PDF = "application/pdf"
TOKEN = "0123456789ABCDEFGHJKMNPQRS"


def problems(*candidates: Candidate) -> dict[str, list[str]]:
    return check_files(candidates)[1]


def candidate(name: str = "a.pdf", size: int = 10, media_type: str | None = PDF) -> Candidate:
    return Candidate(name, size, media_type)


def test_a_good_file_is_checked_without_a_word() -> None:
    checked, found = check_files([candidate(" C:\\scans\\A.PDF ")])
    assert found == {}
    assert [(file.name, file.size, file.media_type) for file in checked] == [("A.PDF", 10, PDF)]


@pytest.mark.parametrize(
    ("media_type", "extension"), [(kind, ext) for kind, exts in EXTENSIONS.items() for ext in exts]
)
def test_every_extension_agrees_with_its_own_type_only(media_type: str, extension: str) -> None:
    assert problems(candidate(f"a.{extension.upper()}", media_type=media_type)) == {}
    other = DOCX if media_type == PDF else PDF
    found = problems(candidate(f"a.{extension}", media_type=other))
    assert found == {"files.0": ["The name of the file does not fit its content."]}


@pytest.mark.parametrize("name", ["scan", "Contract v1.2", "", "Mr. Smith's scan.", "30.06.2025"])
def test_a_name_that_says_no_type_does_not_disagree(name: str) -> None:
    assert problems(candidate(name)) == {}


def test_scenario_7_each_bad_file_is_named_by_its_place() -> None:
    found = problems(
        candidate(),
        candidate("scan.pdf", media_type=None),
        candidate(size=0, media_type=None),
        candidate(size=MAX_BYTES),
        candidate(size=MAX_BYTES + 1),
    )
    assert found == {
        "files.1": ["Not an accepted type: send PDF, JPEG, PNG, WebP, HEIC, TIFF, DOC or DOCX."],
        "files.2": ["The file is empty."],
        "files.4": ["Larger than 20 MB."],
    }


def test_scenario_7_the_eleventh_file_is_one_too_many() -> None:
    assert problems(*[candidate()] * 10) == {}
    assert problems(*[candidate()] * 11) == {"files.10": ["At most 10 files."]}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\John\\scan.pdf", "scan.pdf"),
        ("Jose\u0301.pdf", "Jos\u00e9.pdf"),
        ("a\x00b\r\nc.pdf", "abc.pdf"),
        ("evil\u202efdp.exe.pdf", "evilfdp.exe.pdf"),
        ("  two   words .pdf ", "two words.pdf"),
        ("..", "document.pdf"),
        ("", "document.pdf"),
        ("folder/", "document.pdf"),
        ("x" * 200 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name, media_type=PDF) == safe


@given(st.text(max_size=400), st.sampled_from(sorted(EXTENSIONS)))
def test_any_name_becomes_one_that_can_be_stored(name: str, media_type: str) -> None:
    safe = safe_name(name, media_type=media_type)
    assert 1 <= len(safe) <= 150
    assert len(safe.encode()) <= 255
    assert not any(unicodedata.category(char) in {"Cc", "Cf"} for char in safe)
    assert is_file_key(file_key(folder_key(TOKEN), safe))
    assert safe_name(safe, media_type=media_type) == safe


@given(st.binary(min_size=17, max_size=17))
def test_a_token_is_26_characters_that_make_a_folder_key(random: bytes) -> None:
    token = draw_token(lambda size: random[:size])
    assert len(token) == 26
    assert is_folder_key(folder_key(token))


def test_different_bytes_give_different_tokens() -> None:
    tokens = {draw_token(lambda size, bit=bit: (1 << bit).to_bytes(size, "big")) for bit in range(130)}  # type: ignore[misc]
    assert len(tokens) == 130


@pytest.mark.parametrize(
    "key",
    [
        f"media/orders/{TOKEN}/..",
        f"media/orders/{TOKEN}/.",
        f"media/orders/{TOKEN}/a/b.pdf",
        f"media/orders/{TOKEN}/a\\b.pdf",
        f"media/orders/{TOKEN}/",
        f"media/orders/{TOKEN.lower()}/a.pdf",
        f"media/orders/{TOKEN}X/a.pdf",
        "media/orders/../a.pdf",
        f"/media/orders/{TOKEN}/a.pdf",
        f"media/orders/{TOKEN}",
    ],
)
def test_a_key_that_could_lead_elsewhere_is_none_of_ours(key: str) -> None:
    assert not is_file_key(key)
