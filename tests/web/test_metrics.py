from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from reconciler.core.board import Board, ConfigView, ServerView, StreamView
from reconciler.core.model import Action, Hold, State, Sync
from reconciler.core.problem import Severity
from reconciler.daemon.applying import Ending, Result
from reconciler.web.metrics import ACTION_RESULTS, PASS_RESULTS, Metrics
from tests.support.boards import NOW, FakeClock, a_board, a_healthy_board, a_problem, many_streams

if TYPE_CHECKING:
    from prometheus_client.core import Metric

OPENMETRICS = "application/openmetrics-text;version=1.0.0"

TYPES = {
    "reconciler_build_info": "gauge",
    "reconciler_config_last_reload_successful": "gauge",
    "reconciler_config_last_reload_success_timestamp_seconds": "gauge",
    "reconciler_config_problems": "gauge",
    "reconciler_streams": "gauge",
    "reconciler_streams_by_sync": "gauge",
    "reconciler_stream_up": "gauge",
    "reconciler_stream_info": "gauge",
    "reconciler_stream_state_since_timestamp_seconds": "gauge",
    "reconciler_stream_readers": "gauge",
    "reconciler_stream_inbound_bytes_total": "counter",
    "reconciler_stream_restarts_total": "counter",
    "reconciler_passes_total": "counter",
    "reconciler_pass_duration_seconds": "histogram",
    "reconciler_last_pass_timestamp_seconds": "gauge",
    "reconciler_last_in_sync_timestamp_seconds": "gauge",
    "reconciler_changes_total": "counter",
    "reconciler_changes_held": "gauge",
    "reconciler_drift_total": "counter",
    "reconciler_converge_seconds": "histogram",
    "reconciler_server_up": "gauge",
    "reconciler_server_info": "gauge",
    "reconciler_server_restarts_total": "counter",
    "reconciler_server_request_seconds": "histogram",
    "reconciler_foreign_paths": "gauge",
}


class Scraper:
    """A daemon's metrics, scraped anew at each question."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.clock = FakeClock()
        self.metrics = Metrics(monotonic=self.clock.monotonic, version="9.9.9")

    def text(self, accept: str = "") -> str:
        self.clock.now += 10
        return self.metrics.exposition(self.board, accept)[0].decode()

    def samples(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                series = found.setdefault(sample.name, {})
                key = tuple(sorted(sample.labels.items()))
                assert key not in series, f"{sample.name}{key} is there twice"
                series[key] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples().get(name, {}).get(tuple(sorted(labels.items())))


@pytest.fixture
def scraper() -> Scraper:
    return Scraper(a_board())


def parse_openmetrics(text: str) -> list[Metric]:
    return list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def exported(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


class TestExposition:
    def test_every_name_has_its_type(self, scraper: Scraper) -> None:
        ours = {name: kind for name, kind in exported(scraper.text()).items() if name.startswith("reconciler_")}
        assert ours == TYPES

    def test_the_process_is_measured_too(self, scraper: Scraper) -> None:
        names = exported(scraper.text())
        assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= names.keys()

    def test_openmetrics_when_asked_for(self, scraper: Scraper) -> None:
        body, content_type = scraper.metrics.exposition(scraper.board, OPENMETRICS)
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith(b"# EOF\n")
        assert body.count(b"# EOF") == 1
        names = {family.name: family for family in parse_openmetrics(body.decode())}
        assert names["reconciler_stream_inbound_bytes"].type == "counter"
        assert names["reconciler_stream"].type == "info"

    @pytest.mark.parametrize(
        "accept", ["", "*/*", "text/html", "text/plain;version=0.0.4", "text/plain;version=abc", "text/plain;version=1"]
    )
    def test_the_text_format_otherwise(self, scraper: Scraper, accept: str) -> None:
        assert scraper.metrics.exposition(scraper.board, accept)[1] == "text/plain; version=0.0.4; charset=utf-8"

    def test_both_formats_say_the_same(self, scraper: Scraper) -> None:
        def facts(families: list[Metric]) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
            return {
                (sample.name, tuple(sorted(sample.labels.items())), sample.value)
                for family in families
                for sample in family.samples
                if sample.name.startswith("reconciler_")
            }

        plain = facts(list(text_string_to_metric_families(scraper.text())))
        assert plain == facts(parse_openmetrics(scraper.text(OPENMETRICS)))

    def test_a_body_is_kept_for_a_second(self, scraper: Scraper) -> None:
        first = scraper.text()
        scraper.board = a_healthy_board()
        scraper.clock.now += 0.9
        assert scraper.metrics.exposition(scraper.board)[0].decode() == first
        scraper.clock.now += 0.2
        assert scraper.metrics.exposition(scraper.board)[0].decode() != first

    def test_nothing_to_show_yet_is_no_fault(self) -> None:
        scraper = Scraper(Board(at=NOW, config=ConfigView(path="streams.yaml", ok=False)))
        samples = scraper.samples()
        assert samples["reconciler_config_last_reload_successful"] == {(): 0}
        assert samples["reconciler_config_last_reload_success_timestamp_seconds"] == {(): 0}
        assert "reconciler_stream_up" not in samples

    def test_awkward_names_survive(self, scraper: Scraper) -> None:
        name = 'a "b" \\n c\n{d="e"} ü'
        view = replace(many_streams(1)[0], id=name, server=name)
        server = ServerView(name=name, url="http://127.0.0.1:9997", up=True)
        scraper.board = replace(a_board(), streams=(view,), servers=(server,))
        assert scraper.value("reconciler_stream_up", server=name, stream=name) == 1
        assert name in {s.labels.get("stream") for f in parse_openmetrics(scraper.text(OPENMETRICS)) for s in f.samples}

    @pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH (Debian: prometheus)")
    def test_promtool_has_nothing_to_say(self, scraper: Scraper) -> None:
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=scraper.text(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    def test_no_url_and_no_message_is_ever_exported(self, scraper: Scraper) -> None:
        text = scraper.text()
        for board_says in ("rtsp", "http", "10.0.0.", "127.0.0.1", "***", "adopt: yes", "connection refused"):
            assert not re.search(rf"^[^#].*{re.escape(board_says)}", text, re.MULTILINE)

    def test_the_manual_has_every_metric_and_no_other(self, scraper: Scraper, request: pytest.FixtureRequest) -> None:
        manual = (request.config.rootpath / "docs" / "metrics.md").read_text()
        rows = re.findall(r"^\| `([a-z_]+)(?:\{([a-z,]*)\})?` \| (\w+) \|", manual, re.MULTILINE)
        assert {name: kind for name, _, kind in rows} == exported(scraper.text())
        samples = scraper.samples()
        for name, labels, kind in rows:
            sample = f"{name}_count" if kind == "histogram" else name
            exported_labels = {tuple(key for key, _ in series) for series in samples[sample]}
            if name.startswith("reconciler_"):
                assert exported_labels == {tuple(sorted(filter(None, labels.split(","))))}, name


class TestStates:
    def test_streams_are_counted_by_every_word(self, scraper: Scraper) -> None:
        by_state = scraper.samples()["reconciler_streams"]
        assert len(by_state) == 2 * len(State)
        assert by_state[(("server", "main"), ("state", "ERROR"))] == 2
        assert by_state[(("server", "far"), ("state", "RUNNING"))] == 0
        assert sum(by_state.values()) == 5

    def test_streams_are_counted_by_every_sync_word(self, scraper: Scraper) -> None:
        by_sync = scraper.samples()["reconciler_streams_by_sync"]
        assert len(by_sync) == 2 * len(Sync)
        assert by_sync[(("server", "main"), ("sync", "conflict"))] == 1
        assert sum(by_sync.values()) == 5

    def test_a_stream_of_a_server_not_shown_is_counted_too(self, scraper: Scraper) -> None:
        scraper.board = replace(a_healthy_board(), streams=many_streams(3, server="new"))
        assert scraper.value("reconciler_streams", server="new", state="RUNNING") == 3

    @pytest.mark.parametrize(
        ("state", "up"),
        [
            (State.RUNNING, 1),
            (State.IDLE, 1),
            (State.STARTING, 0),
            (State.ERROR, 0),
            (State.UNKNOWN, 0),
            (State.STOPPED, None),
        ],
    )
    def test_up_is_absent_for_what_is_meant_to_be_off(self, scraper: Scraper, state: State, up: int | None) -> None:
        view = replace(many_streams(1)[0], id="x", status=state)
        scraper.board = replace(a_healthy_board(), streams=(view,))
        assert scraper.value("reconciler_stream_up", server="main", stream="x") == up

    def test_readers_are_not_claimed_of_a_server_that_cannot_be_read(self, scraper: Scraper) -> None:
        assert scraper.value("reconciler_stream_readers", server="main", stream="front-door") == 2
        assert scraper.value("reconciler_stream_readers", server="far", stream="dock") is None

    def test_state_reason_and_sync_are_labels(self, scraper: Scraper) -> None:
        labels = {"state": "ERROR", "reason": "Conflict", "sync": "conflict"}
        assert scraper.value("reconciler_stream_info", server="main", stream="yard", **labels) == 1
        labels = {"state": "RUNNING", "reason": "", "sync": "in_sync"}
        assert scraper.value("reconciler_stream_info", server="main", stream="front-door", **labels) == 1

    def test_what_streams_add_up_to(self, scraper: Scraper) -> None:
        front_door = {"server": "main", "stream": "front-door"}
        assert scraper.value("reconciler_stream_state_since_timestamp_seconds", **front_door) == NOW - 3600
        assert scraper.value("reconciler_stream_inbound_bytes_total", **front_door) == 123456789
        assert scraper.value("reconciler_stream_restarts_total", **front_door) == 1

    def test_servers(self, scraper: Scraper) -> None:
        assert scraper.value("reconciler_server_up", server="main") == 1
        assert scraper.value("reconciler_server_up", server="far") == 0
        assert scraper.value("reconciler_server_info", server="main", version="1.20.1") == 1
        assert scraper.value("reconciler_server_info", server="far", version="") == 1
        assert scraper.value("reconciler_foreign_paths", server="main") == 3
        assert scraper.value("reconciler_last_pass_timestamp_seconds", server="main") == NOW - 5
        assert scraper.value("reconciler_last_in_sync_timestamp_seconds", server="main") == NOW - 65
        assert scraper.value("reconciler_last_in_sync_timestamp_seconds", server="far") == 0

    def test_held_changes_by_every_reason(self, scraper: Scraper) -> None:
        for hold in Hold:
            expected = 1 if hold is Hold.CONFLICT else 0
            assert scraper.value("reconciler_changes_held", server="main", reason=hold.value) == expected

    def test_problems_of_the_files(self, scraper: Scraper) -> None:
        config = replace(a_board().config, problems=(a_problem(), a_problem(Severity.WARNING)))
        scraper.board = replace(a_board(), config=config)
        assert scraper.value("reconciler_config_problems") == 1
        scraper.board = a_healthy_board()
        assert scraper.value("reconciler_config_problems") == 0

    def test_reading_the_files(self, scraper: Scraper) -> None:
        successful = "reconciler_config_last_reload_successful"
        at = "reconciler_config_last_reload_success_timestamp_seconds"
        scraper.metrics.reload_done(ok=True, at=NOW)
        assert (scraper.value(successful), scraper.value(at)) == (1, NOW)
        scraper.metrics.reload_done(ok=False, at=NOW + 60)
        assert (scraper.value(successful), scraper.value(at)) == (0, NOW)

    def test_the_build(self, scraper: Scraper) -> None:
        (labels,) = scraper.samples()["reconciler_build_info"]
        assert dict(labels)["version"] == "9.9.9"


class TestCounting:
    def test_every_counter_of_a_server_is_there_before_anything_happened(self, scraper: Scraper) -> None:
        samples = scraper.samples()
        for server in ("main", "far"):
            for name in ("reconciler_drift_total", "reconciler_server_restarts_total"):
                assert samples[name][(("server", server),)] == 0
        assert len(samples["reconciler_changes_total"]) == 2 * len(Action) * len(ACTION_RESULTS)
        assert len(samples["reconciler_passes_total"]) == 2 * 6
        for name in (
            "reconciler_changes_total",
            "reconciler_passes_total",
            "reconciler_pass_duration_seconds_count",
            "reconciler_server_request_seconds_count",
            "reconciler_converge_seconds_count",
        ):
            assert set(samples[name].values()) == {0}

    def test_words_of_results_are_those_of_the_daemon(self) -> None:
        assert set(ACTION_RESULTS) == {result.value for result in Result}
        endings = {ending.value for ending in Ending} - {Ending.DONE.value}
        assert set(PASS_RESULTS["resync"]) == {"ok", "error"} | endings

    def test_what_happens_is_counted(self, scraper: Scraper) -> None:
        metrics = scraper.metrics
        metrics.pass_done("main", "resync", "ok", 0.2)
        metrics.pass_done("main", "resync", "ok", 0.3)
        metrics.change_done("main", "create", "rejected")
        metrics.drift("main", 3)
        metrics.request_done("main", "config_list", "200", 0.01)
        metrics.converged(0.08)
        metrics.server_restarted("main")
        assert scraper.value("reconciler_passes_total", server="main", kind="resync", result="ok") == 2
        assert scraper.value("reconciler_pass_duration_seconds_sum", server="main", kind="resync") == 0.5
        assert scraper.value("reconciler_changes_total", server="main", action="create", result="rejected") == 1
        assert scraper.value("reconciler_drift_total", server="main") == 3
        request = {"server": "main", "call": "config_list", "code": "200"}
        assert scraper.value("reconciler_server_request_seconds_count", **request) == 1
        assert scraper.value("reconciler_converge_seconds_bucket", le="0.1") == 1
        assert scraper.value("reconciler_converge_seconds_bucket", le="0.05") == 0
        assert scraper.value("reconciler_server_restarts_total", server="main") == 1

    def test_counters_never_fall_while_the_board_changes(self, scraper: Scraper) -> None:
        before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        boards = [a_board(), replace(a_board(), at=NOW + 1), replace(a_board(), streams=many_streams(5))]
        for number, board in enumerate(boards * 2):
            scraper.board = board
            scraper.metrics.pass_done("main", "observe", ("ok", "error")[number % 2], 0.01)
            scraper.metrics.change_done("far", "update", "ok")
            now = {
                (name, labels): value
                for name, series in scraper.samples().items()
                for labels, value in series.items()
                if name.startswith("reconciler_")
                and name.endswith(("_total", "_count", "_bucket", "_sum"))
                and not name.startswith("reconciler_stream_")
            }
            assert before.keys() <= now.keys()
            assert all(now[key] >= value for key, value in before.items())
            before = now

    def test_a_server_counted_before_it_is_shown_keeps_its_count(self, scraper: Scraper) -> None:
        scraper.metrics.pass_done("new", "observe", "ok", 0.01)
        scraper.text()
        new = ServerView(name="new", url="http://127.0.0.1:9998", up=True)
        scraper.board = replace(a_board(), servers=(*a_board().servers, new))
        assert scraper.value("reconciler_passes_total", server="new", kind="observe", result="ok") == 1


class TestDisappearing:
    def test_a_removed_stream_leaves_nothing_behind(self, scraper: Scraper) -> None:
        assert "hall/east" in scraper.text()
        remaining = tuple(view for view in a_board().streams if view.id != "hall/east")
        scraper.board = replace(a_board(), streams=remaining)
        assert "hall/east" not in scraper.text()

    def test_a_removed_server_leaves_nothing_behind(self, scraper: Scraper) -> None:
        scraper.metrics.pass_done("far", "observe", "error", 10)
        scraper.metrics.request_done("far", "info", "error", 10)
        assert 'server="far"' in scraper.text()
        scraper.board = a_healthy_board()
        assert 'server="far"' not in scraper.text()

    def test_nor_does_its_last_word(self, scraper: Scraper) -> None:
        scraper.text()
        scraper.board = a_healthy_board()
        scraper.text()
        scraper.metrics.pass_done("far", "observe", "error", 10)
        assert 'server="far"' not in scraper.text()

    def test_a_server_that_comes_back_is_counted_from_zero(self, scraper: Scraper) -> None:
        scraper.metrics.drift("far", 7)
        scraper.text()
        scraper.board = a_healthy_board()
        scraper.text()
        scraper.board = a_board()
        assert scraper.value("reconciler_drift_total", server="far") == 0

    def test_the_number_of_series_is_six_a_stream_and_a_fixed_number_a_server(self, scraper: Scraper) -> None:
        def series(streams: tuple[StreamView, ...]) -> int:
            scraper.board = replace(a_healthy_board(), streams=streams)
            return sum(len(found) for name, found in scraper.samples().items() if name.startswith("reconciler_"))

        none = series(())
        assert none < 250
        assert series(many_streams(100)) == none + 600
        for view in many_streams(100):
            scraper.metrics.change_done(view.server, "update", "ok")
        assert series(many_streams(100)) == none + 600
