import os
from pathlib import Path

from dev.images.kept import KEPT, used


def _archives(folder: Path, count: int) -> list[Path]:
    made = [folder / f"{number}.tar" for number in range(count)]
    for number, one in enumerate(made):
        one.write_text("")
        os.utime(one, (number, number))
    return made


def test_the_archives_that_were_used_last_stay(tmp_path: Path) -> None:
    made = _archives(tmp_path, KEPT + 2)
    assert used(made[0]) == made[0]
    assert set(tmp_path.iterdir()) == {made[0], *made[-(KEPT - 1) :]}


def test_checkouts_that_take_turns_evict_nothing(tmp_path: Path) -> None:
    made = _archives(tmp_path, KEPT)
    for one in made * 2:
        used(one)
    assert set(tmp_path.iterdir()) == set(made)


def test_what_is_no_archive_stays(tmp_path: Path) -> None:
    partial = tmp_path / "1.partial"
    partial.write_text("")
    for one in _archives(tmp_path, KEPT + 1):
        used(one)
    assert partial.exists()
