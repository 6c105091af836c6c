"""The unit means what it says to systemd, and lets the daemon do little else than its work."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "systemd"
UNIT = SHIPPED / "reconciler.service"
EXAMPLES = sorted(SHIPPED.glob("reconciler.service.d/*.example"))
# Ten times the exposure that is allowed: 0.9 of 10.
THRESHOLD = 9

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing (apt-get install systemd)"
)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def installed(root: Path, *examples: Path) -> Path:
    """Put the unit, and what it starts, where an installation has them; returns the unit's place."""
    for program in ("opt/reconciler/bin/reconciler", "bin/kill"):
        place = root / program
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(UNIT, units)
    for target in ("sysinit", "basic", "multi-user", "network-online", "shutdown"):
        (units / f"{target}.target").write_text(f"[Unit]\nDescription={target}\nDefaultDependencies=no\n")
    for example in examples:
        drop_in = units / "reconciler.service.d" / example.name.removesuffix(".example")
        drop_in.parent.mkdir(exist_ok=True)
        shutil.copy(example, drop_in)
    return units / UNIT.name


def settings() -> dict[str, list[str]]:
    """Return every setting of the unit, comments left out."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.match(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@needs_analyze
class TestSystemd:
    def test_finds_nothing_wrong_with_the_unit(self, tmp_path: Path) -> None:
        unit = installed(tmp_path)
        # Without recursive-errors=no it reports mistakes and succeeds.
        said = run(
            "systemd-analyze", "verify", "--recursive-errors=no", f"--root={tmp_path}", f"/{unit.relative_to(tmp_path)}"
        )
        assert "reconciler.service" not in said

    def test_would_find_a_mistake(self, tmp_path: Path) -> None:
        unit = installed(tmp_path)
        unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=on-a-whim"))
        with pytest.raises(AssertionError, match="on-a-whim"):
            run(
                "systemd-analyze",
                "verify",
                "--recursive-errors=no",
                f"--root={tmp_path}",
                f"/{unit.relative_to(tmp_path)}",
            )

    @pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
    def test_finds_nothing_wrong_with_a_drop_in(self, tmp_path: Path, example: Path) -> None:
        version = re.search(r"systemd (\d+)", run("systemd-analyze", "--version"))
        if "notify-reload" in example.name and version is not None and int(version[1]) < 253:
            pytest.skip(f"systemd {version[1]} does not know Type=notify-reload (253)")
        unit = installed(tmp_path, example)
        said = run(
            "systemd-analyze", "verify", "--recursive-errors=no", f"--root={tmp_path}", f"/{unit.relative_to(tmp_path)}"
        )
        assert "reconciler.service" not in said

    def test_rates_the_exposure_at_most_0_9(self) -> None:
        said = run("systemd-analyze", "security", "--offline=true", f"--threshold={THRESHOLD}", str(UNIT))
        assert "SAFE" in said


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is missing")
def test_the_user_is_made_without_a_shell(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", str(SHIPPED / "reconciler.sysusers.conf"))
    name, _, uid, gid, _, home, shell = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert (name, home, shell) == ("reconciler", "/var/lib/reconciler", "/usr/sbin/nologin")
    assert 0 < int(uid) < 1000
    assert f"reconciler:x:{gid}:" in (tmp_path / "etc/group").read_text()


class TestPromises:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Type", "notify"),
            ("ExecStart", "/opt/reconciler/bin/reconciler run -c /etc/reconciler/streams.yaml"),
            ("ExecReload", "/bin/kill -HUP $MAINPID"),
            ("WatchdogSec", "30s"),
            ("Restart", "on-failure"),
            ("RestartSec", "5s"),
            ("RestartPreventExitStatus", "64 78"),
            ("StartLimitIntervalSec", "0"),
            ("User", "reconciler"),
            ("Group", "reconciler"),
            ("StateDirectory", "reconciler"),
            ("StateDirectoryMode", "0700"),
        ],
    )
    def test_are_kept(self, name: str, value: str) -> None:
        assert settings()[name] == [value]

    def test_proc_stat_stays_readable_for_the_process_metrics(self) -> None:
        assert "ProcSubset" not in settings()

    def test_no_credential_is_needed_to_start(self) -> None:
        for credential in settings()["LoadCredential"]:
            _, _, source = credential.partition(":")
            assert "/" not in source, "systemd fails to start a service whose credential's path leads nowhere"

    def test_the_stop_is_given_more_time_than_the_daemon_takes(self) -> None:
        # Twice the grace of a stage (15 s), and some.
        assert int(settings()["TimeoutStopSec"][0].removesuffix("s")) > 2 * 15

    def test_drop_ins_are_inert_until_renamed(self) -> None:
        assert EXAMPLES
        assert list(SHIPPED.glob("reconciler.service.d/*.conf")) == []
