"""One file for each kind of mistake in `invalid/`, beside it the exact messages a user gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.problem import Severity
from reconciler.spec import Loaded, SystemSecrets, load

HERE = Path(__file__).parent / "invalid"
FILES = sorted(HERE.glob("*.yaml"))
PASSWORD = "hunter2-Xq9"
NOT_ERRORS = {"stream-not-yet"}
SECRET_MISSING = {"secret-cred-missing", "secret-env-missing", "secret-file-missing", "secret-in-source"}


def read(file: Path) -> Loaded:
    return load(file, secrets=SystemSecrets({}), digest_key=b"")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_told_in_these_words(file: Path) -> None:
    told = "".join(f"{problem}\n" for problem in read(file).problems).replace(f"{HERE}/", "")
    assert told == file.with_suffix(".expected.txt").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_repeats_no_password(file: Path) -> None:
    loaded = read(file)
    assert PASSWORD not in "".join(map(str, loaded.problems))
    assert PASSWORD not in repr(loaded)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_costs_the_stream_or_the_file(file: Path) -> None:
    loaded = read(file)
    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert bool(errors) is (file.stem not in NOT_ERRORS)
    if any(problem.stream is None for problem in errors):
        assert loaded.desired is None
        assert loaded.document == ""
    else:
        assert loaded.desired is not None
        assert {problem.stream for problem in errors} == loaded.desired.set_aside.keys()
        assert not loaded.desired.set_aside.keys() & loaded.desired.streams.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_missing_secret_is_told_from_a_mistake(file: Path) -> None:
    assert all(problem.secret_missing for problem in read(file).problems) is (file.stem in SECRET_MISSING)


def test_no_expectation_stands_without_its_file() -> None:
    expected = {file.name.removesuffix(".expected.txt") for file in HERE.glob("*.expected.txt")}
    assert expected == {file.stem for file in FILES}


def test_several_of_the_files_hold_the_password() -> None:
    assert sum(PASSWORD.encode() in file.read_bytes() for file in FILES) >= 10
