"""No other user of the machine can read database, originals and logs; inboxes stay open to their people."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import doctor
from ingest.watching.inbox import open_inboxes
from runtime.private import is_open, keep_private, make_home
from runtime.settings import Settings
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """As at most places of work: new files can be read by all."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONGKAI_")}
    return subprocess.run(
        [sys.executable, "-m", "console.cli", *words],
        env={**clean, "GONGKAI_HOME": str(home), "PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def open_to_others(folder: Path) -> list[str]:
    """What below (and with) ``folder`` others may read, write or enter."""
    return sorted(str(path) for path in (folder, *folder.rglob("*")) if not path.is_symlink() and is_open(path))


@pytest.mark.slow
def test_everything_in_the_home_is_for_its_user_alone(tmp_path: Path) -> None:
    """A whole ingest with its worker, recovery and private Redis, whose logs lie in the home as well."""
    home = tmp_path / "home"
    sample = next(path for path in sorted((REPOSITORY / "samples" / "reports").rglob("*")) if path.suffix == ".html")
    done = run(home, "ingest", str(sample), "--batch", "b")
    assert done.returncode in (0, 3), done.stderr
    assert (home / "gongkai.db").exists()
    assert list((home / "originals").rglob("*"))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert open_to_others(home) == []


@pytest.mark.parametrize("words", [("db", "upgrade"), ("user", "list"), ("expect", "list.csv")])
def test_commands_make_a_private_home(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    run(home, *words)
    assert home.exists()
    assert open_to_others(home) == []


def test_a_home_of_an_earlier_version_is_closed_by_the_next_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(home, "db", "upgrade")
    home.chmod(0o755)
    (home / "gongkai.db").chmod(0o644)
    assert run(home, "status").returncode == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_that_is_no_home_of_ours_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    (other / "letter.txt").write_text("x")
    keep_private(Settings(home=other))
    assert stat.S_IMODE(other.stat().st_mode) == 0o755


def of_doctor(settings: Settings) -> doctor.Probe:
    return next(check for check in doctor.examine(settings) if check.name == "private")


def test_the_doctor_finds_what_others_can_reach_and_says_the_remedy(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", store_url=str(tmp_path / "store"))
    make_home(settings)
    (tmp_path / "store").mkdir(mode=0o700)
    assert of_doctor(settings).state is doctor.Grade.GOOD
    settings.home.chmod(0o750)
    (tmp_path / "store").chmod(0o755)
    found = of_doctor(settings)
    assert found.state is doctor.Grade.ERROR
    remedy = found.remedy.split("`")[1]
    assert subprocess.run(remedy, shell=True, check=False).returncode == 0
    assert of_doctor(settings).state is doctor.Grade.GOOD


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o2770, 0o700])
def test_the_people_of_an_inbox_find_what_became_of_their_files(tmp_path: Path, mode: int) -> None:
    root = tmp_path / "inbox"
    root.mkdir()
    root.chmod(mode)
    keep_private(Settings(home=tmp_path / "home"))
    (inbox,) = open_inboxes([str(root)], forbidden=())
    for number, file in enumerate((inbox.file_done, lambda staged, inner: inbox.file_failed(staged, inner, "file.broken"))):
        staged = Path(inbox.taken, f"{number}.txt")
        staged.write_text("x")
        landed = Path(file(str(staged), f"江苏省/{number}.txt"))
        folder = landed.parent
        while folder != root:
            assert stat.S_IMODE(folder.stat().st_mode) == mode, folder
            folder = folder.parent
    assert not is_open(Path(inbox.taken).parent)
    shutil.rmtree(root)
