"""The ways in which editors and tools put new content into a file, each as one function of path and text."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SAVES", "mount_config_map", "swap_config_map"]


def in_place(path: Path, text: str) -> None:
    """`cat > file`, nano, VS Code."""
    path.write_text(text)


def atomic(path: Path, text: str) -> None:
    """Write beside it and rename over it: most tools and many editors."""
    fresh = path.with_name(f".{path.name}.tmp")
    fresh.write_text(text)
    fresh.replace(path)


def atomic_preserving_times(path: Path, text: str) -> None:
    """`rsync -t`, `cp -p` and package managers: the new file may be older than the one it replaces."""
    fresh = path.with_name(f".{path.name}.tmp")
    fresh.write_text(text)
    os.utime(fresh, (1_000_000_000, 1_000_000_000))
    fresh.replace(path)


def vim(path: Path, text: str) -> None:
    """vim with its defaults: probe with a file named 4913, rename the old one away, write anew, drop the backup."""
    probe, backup = path.with_name("4913"), path.with_name(f"{path.name}~")
    probe.touch()
    probe.unlink()
    path.rename(backup)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)
    backup.unlink()


def sed(path: Path, text: str) -> None:
    """`sed -i`, the real one: every line is dropped, `text` is put in before the first."""
    script = "1{" + "".join(f"i{line}\n" for line in text.splitlines()) + "}\nd"
    subprocess.run(["sed", "-i", script, str(path)], check=True)


def remove_and_create(path: Path, text: str) -> None:
    """What careful programs avoid and others do."""
    path.unlink()
    path.write_text(text)


def new_link_target(path: Path, text: str) -> None:
    """The path becomes a symbolic link to a file in another directory, swapped in by a rename."""
    releases = path.parent / "releases"
    releases.mkdir(exist_ok=True)
    release = releases / f"{len(list(releases.iterdir()))}.yaml"
    release.write_text(text)
    link = path.with_name("link.tmp")
    link.symlink_to(release)
    link.replace(path)


def directory_replaced(path: Path, text: str) -> None:
    """The whole directory is moved away and another takes its place, as a deployment or a mount does."""
    fresh, old = path.parent.with_name("fresh"), path.parent.with_name("old")
    shutil.rmtree(old, ignore_errors=True)
    fresh.mkdir()
    (fresh / path.name).write_text(text)
    path.parent.rename(old)
    fresh.rename(path.parent)


SAVES: dict[str, Callable[[Path, str], None]] = {
    "in place": in_place,
    "atomic": atomic,
    "atomic, times preserved": atomic_preserving_times,
    "vim": vim,
    "sed -i": sed,
    "removed and created": remove_and_create,
    "link to another file": new_link_target,
    "directory replaced": directory_replaced,
}


def mount_config_map(directory: Path, name: str, text: str, path: Path) -> None:
    """Lay out `directory` as Kubernetes mounts a ConfigMap; `path` becomes a link to the file `name` in it."""
    directory.mkdir()
    swap_config_map(directory, name, text)
    (directory / name).symlink_to(Path("..data") / name)
    path.unlink(missing_ok=True)
    path.symlink_to(directory / name)


def swap_config_map(directory: Path, name: str, text: str) -> None:
    """Update a mounted ConfigMap: a new directory, then one rename of the link that all files go through."""
    data = directory / "..data"
    old = data.resolve() if data.is_symlink() else None
    fresh = directory / f"..2026_{len(list(directory.iterdir()))}"
    while fresh.exists():
        fresh = fresh.with_name(f"{fresh.name}_")
    fresh.mkdir()
    (fresh / name).write_text(text)
    link = directory / "..data_tmp"
    link.symlink_to(fresh.name)
    link.replace(data)
    if old:
        shutil.rmtree(old)
