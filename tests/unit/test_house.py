"""Rules of the house that no linter knows."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_operator_folder_never_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    done = subprocess.run(
        [sys.executable, "-c", "import operator, collections; print(operator.add(1, 1))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "2"


def test_no_module_grows_past_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("operator", "dev")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_lock_files_record_no_download_addresses() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--index-url" not in text, lock.name
        assert text.count("--hash=sha256:") >= text.count("==") > 0, lock.name


def test_the_operator_never_loads_what_only_reports_need() -> None:
    code = "import sys, modelrollout.handlers.process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # Tens of MiB each, for as long as the process lives.
    assert {"scipy.stats", "rich", "jinja2", "sqlalchemy"}.isdisjoint(done.stdout.split())
