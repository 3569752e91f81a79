from pathlib import Path

import pytest

from dev.images.buildah import files, key


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    (tmp_path / "package" / "module.py").write_text("x = 1\n")
    (tmp_path / "package" / "__pycache__" / "module.pyc").write_text("compiled")
    (tmp_path / "package.egg-info").mkdir()
    (tmp_path / "lock").write_text("a==1\n")
    (tmp_path / "secret").write_text("token")
    (tmp_path / "Dockerfile").write_text("FROM base\n")
    return tmp_path


def key_of(context: Path, **build_args: str) -> str:
    return key(context / "Dockerfile", files(context, ("package", "lock")), build_args)


def test_a_build_sees_its_inputs_and_nothing_that_python_left_behind(context: Path) -> None:
    assert list(files(context, ("package", "lock"))) == ["lock", "package/module.py"]


def test_a_missing_input_is_named(context: Path) -> None:
    with pytest.raises(FileNotFoundError, match="requirements"):
        files(context, ("requirements",))


def test_the_same_content_has_the_same_key_whenever_and_wherever_it_was_written(context: Path) -> None:
    before = key_of(context)
    (context / "package" / "module.py").write_text("x = 1\n")
    (context / "secret").write_text("another")
    assert key_of(context) == before


def test_whatever_decides_about_an_image_changes_its_key(context: Path) -> None:
    seen = {key_of(context), key_of(context, BASE_IMAGE="other")}
    (context / "package" / "module.py").write_text("x = 2\n")
    seen.add(key_of(context))
    (context / "Dockerfile").write_text("FROM base\nUSER 1\n")
    seen.add(key_of(context))
    (context / "package" / "module.py").rename(context / "package" / "renamed.py")
    seen.add(key_of(context))
    (context / "package" / "renamed.py").chmod(0o755)
    seen.add(key_of(context))
    assert len(seen) == 6
