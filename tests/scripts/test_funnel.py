"""The notebook of analysts where it cannot run: a sentence, and never a traceback."""

import subprocess
import sys
from pathlib import Path

from tests.scripts.conftest import Command
from tests.world import World

ROOT = Path(__file__).parents[2]


def funnel(folder: Path, *arguments: str, without: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run it in this folder, without some libraries."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules |= dict.fromkeys({without!r}); import runpy; "
        f"sys.argv[1:] = {list(arguments)!r}; runpy.run_module('analysis.funnel', run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_folder_that_is_not_there_is_a_sentence_and_without_one_it_is_that_of_the_readme(tmp_path: Path) -> None:
    ran = funnel(tmp_path)
    sentence = "Error: There is no export in var/export; `daybook export --to var/export` makes one.\n"
    assert (ran.returncode, ran.stderr, ran.stdout) == (1, sentence, "")
    assert funnel(tmp_path, "nowhere").stderr.startswith("Error: There is no export in nowhere;")


def test_it_says_what_it_is(tmp_path: Path) -> None:
    ran = funnel(tmp_path, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "python -m analysis.funnel var/export" in ran.stdout


def test_without_its_libraries_it_says_how_to_get_them(tmp_path: Path) -> None:
    ran = funnel(tmp_path, without=("duckdb",))
    sentence = "Error: This needs duckdb: .venv/bin/pip install -r requirements-analysis.txt\n"
    assert (ran.returncode, ran.stderr) == (1, sentence)


def test_an_export_without_views_is_told_before_any_answer(world: World, daybook: Command, tmp_path: Path) -> None:
    world.place("embassy")
    folder = tmp_path / "var/export"
    daybook.prints("export", "--to", str(folder))
    ran = funnel(tmp_path)
    sentence = "Error: The export in var/export has no views: `daybook export --to var/export --views` adds them.\n"
    assert (ran.returncode, ran.stderr, ran.stdout) == (1, sentence, "")
    daybook.prints("export", "--to", str(folder), "--views")
    assert "Hours in each stage" in funnel(tmp_path).stdout
