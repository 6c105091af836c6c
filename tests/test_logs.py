from __future__ import annotations

import io
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pytest

from reconciler.logs import Redactor, configure, is_journal

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("reconciler.test")


class Terminal:
    """What was written to the log's stream."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.redactor = Redactor()

    def use(self, fmt: Literal["text", "json"] = "text", level: int = logging.INFO, *, journal: bool = False) -> None:
        configure(fmt=fmt, level=level, redactor=self.redactor, stream=self.stream, journal=journal)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def entry(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        entry = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        assert isinstance(entry, dict)
        return entry


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Terminal()
    root.handlers[:] = handlers
    root.setLevel(level)
    for library in ("httpx", "httpcore", "uvicorn", "apscheduler", "watchfiles", "asyncio"):
        logging.getLogger(library).setLevel(logging.NOTSET)


def fail(error: Exception) -> NoReturn:
    raise error


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("hunter2")


class TestText:
    def test_is_time_level_sentence_and_fields(self, terminal: Terminal) -> None:
        terminal.use()
        log.info("applied", extra={"fields": {"stream": "gate", "effect": "in place", "n": 3, "none": ""}})
        time, rest = terminal.text.split(" ", 1)
        assert time.endswith("Z")
        assert rest == 'INFO    applied stream=gate effect="in place" n=3 none=""\n'

    def test_shows_a_traceback_indented(self, terminal: Terminal) -> None:
        terminal.use()
        try:
            fail(ValueError("no good"))
        except ValueError:
            log.exception("it broke")
        first, *others = terminal.text.splitlines()
        assert first.endswith("ERROR   it broke")
        assert others[0] == "    Traceback (most recent call last):"
        assert others[-1] == "    ValueError: no good"

    def test_lets_no_text_forge_a_record_or_move_the_cursor(self, terminal: Terminal) -> None:
        terminal.use()
        log.info("said: %s", "a\n2026-01-01 ERROR forged\x1b[2J")
        assert [line[:4] == "    " for line in terminal.text.splitlines()] == [False, True]
        assert "\x1b" not in terminal.text

    def test_survives_characters_the_stream_cannot_write(self, terminal: Terminal) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        configure(fmt="text", level=logging.INFO, redactor=Redactor(), stream=stream, journal=False)
        log.info("câm \ud800")
        assert raw.getvalue().endswith(b"c\\xe2m \\ud800\n")
        terminal.use()
        stream.close()


class TestJson:
    def test_is_one_object_with_the_fields_merged_in(self, terminal: Terminal) -> None:
        terminal.use("json")
        log.warning("applied %d", 3, extra={"fields": {"stream": "gate", "n": 3, "names": ["a", "b"], "up": True}})
        entry = terminal.entry
        assert entry.pop("time").endswith("Z")
        assert entry == {
            "level": "warning",
            "logger": "reconciler.test",
            "message": "applied 3",
            "stream": "gate",
            "n": 3,
            "names": ["a", "b"],
            "up": True,
        }

    def test_takes_any_value(self, terminal: Terminal) -> None:
        terminal.use("json")
        fields = {"path": Path("/x"), "nan": float("nan"), "message": "mine", 3: None, "odd": "\ud800"}
        log.info("multi\nline", extra={"fields": fields})
        entry = terminal.entry
        assert entry["message"] == "multi\nline"
        assert entry["message_"] == "mine"
        assert entry["path"] == "/x"
        assert entry["nan"] == "nan"
        assert entry["3"] is None

    def test_holds_a_traceback_on_the_same_line(self, terminal: Terminal) -> None:
        terminal.use("json", journal=True)
        try:
            fail(ValueError("no good"))
        except ValueError:
            log.exception("it broke")
        assert terminal.text.startswith("<3>{")
        assert json.loads(terminal.text[3:])["traceback"].endswith("ValueError: no good")


class TestJournal:
    @pytest.mark.parametrize(
        ("level", "priority"),
        [
            (logging.DEBUG, 7),
            (logging.INFO, 6),
            (25, 6),
            (logging.WARNING, 4),
            (logging.ERROR, 3),
            (logging.CRITICAL, 2),
        ],
    )
    def test_gets_the_priority_and_no_time(self, terminal: Terminal, level: int, priority: int) -> None:
        terminal.use(level=logging.DEBUG, journal=True)
        log.log(level, "sentence", extra={"fields": {"stream": "gate"}})
        assert terminal.text == f"<{priority}>sentence stream=gate\n"

    def test_gets_one_line_a_record_even_with_a_traceback(self, terminal: Terminal) -> None:
        terminal.use(journal=True)
        try:
            fail(ValueError("two\nlines\u2028three"))
        except ValueError:
            log.exception("it broke")
        assert terminal.text.count("\n") == 1
        assert terminal.text.startswith("<3>it broke | ")
        assert terminal.text.endswith("ValueError: two | lines | three\n")

    def test_is_known_by_device_and_inode(self, tmp_path: Path) -> None:
        with (tmp_path / "a").open("w") as stream, (tmp_path / "b").open("w") as other:
            status = os.fstat(stream.fileno())
            environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
            assert is_journal(environ, stream)
            assert not is_journal(environ, other)
            assert not is_journal({}, stream)
        assert not is_journal(environ, io.StringIO())
        assert not is_journal(environ, stream)


@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("fmt", ["text", "json"])
class TestNoSecretLeaves:
    def use(self, terminal: Terminal, fmt: Literal["text", "json"], *, journal: bool) -> None:
        terminal.redactor.learn("hunter2", 'pa"ss\nword', "föö bar")
        terminal.use(fmt, journal=journal)

    def test_by_message_field_traceback_or_stack(
        self, terminal: Terminal, fmt: Literal["text", "json"], *, journal: bool
    ) -> None:
        self.use(terminal, fmt, journal=journal)
        try:
            try:
                fail(ValueError("rtsp://admin:f%C3%B6%c3%b6%20bar@cam"))
            except ValueError as inner:
                inner.add_note("the login is föö bar")
                raise RuntimeError("hunter2", 'pa"ss\nword') from inner
        except RuntimeError:
            fields = {"url": "rtsp://a:hunter2@c", "list": ["hunter2"], "map": {"hunter2": {"x": 'pa"ss\nword'}}}
            log.exception("got %r", 'pa"ss\nword', extra={"fields": fields}, stack_info=True)
        for secret in ("hunter2", 'pa"ss', r"pa\"ss", "föö", "f\\u", "%C3", "nword", r"\nword"):
            assert secret not in terminal.text
        assert "RuntimeError" in terminal.text

    def test_by_the_name_of_a_field(self, terminal: Terminal, fmt: Literal["text", "json"], *, journal: bool) -> None:
        self.use(terminal, fmt, journal=journal)
        log.info("asked", extra={"fields": {"password": "it is this", "readPass": "or-this", "deep": {"token": "abc"}}})
        assert not any(secret in terminal.text for secret in ("this", "abc"))

    def test_by_a_record_that_cannot_be_written(
        self,
        terminal: Terminal,
        fmt: Literal["text", "json"],
        capsys: pytest.CaptureFixture[str],
        *,
        journal: bool,
    ) -> None:
        self.use(terminal, fmt, journal=journal)
        log.info("%d of hunter2", "hunter2")
        log.info("field", extra={"fields": {"x": Unprintable(), "y": "hunter2"}})
        assert terminal.text.count("could not be written") == 2
        assert "hunter2" not in terminal.text + capsys.readouterr().err

    def test_when_the_stream_is_gone(
        self,
        terminal: Terminal,
        fmt: Literal["text", "json"],
        capsys: pytest.CaptureFixture[str],
        *,
        journal: bool,
    ) -> None:
        self.use(terminal, fmt, journal=journal)
        terminal.stream.close()
        log.info("hunter2")
        assert capsys.readouterr().err == ""


class TestLibraries:
    @pytest.mark.parametrize(
        "name", ["httpx", "uvicorn.access", "uvicorn.error", "apscheduler.scheduler", "watchfiles.main"]
    )
    def test_are_heard_from_warning_on(self, terminal: Terminal, name: str) -> None:
        terminal.use()
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
        assert "chatter" not in terminal.text
        assert "trouble" in terminal.text

    def test_are_heard_when_debugging(self, terminal: Terminal) -> None:
        terminal.use(level=logging.DEBUG)
        logging.getLogger("httpx").debug("chatter")
        assert "chatter" in terminal.text

    def test_are_no_louder_than_the_rest(self, terminal: Terminal) -> None:
        terminal.use(level=logging.ERROR)
        logging.getLogger("httpx").warning("trouble")
        assert terminal.text == ""


def test_configuring_again_replaces_what_was_there(terminal: Terminal) -> None:
    terminal.use()
    terminal.use("json")
    log.info("once")
    assert terminal.entry["message"] == "once"
