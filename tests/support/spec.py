"""Loads a text as if it were a streams.yaml, with made-up secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.spec import Loaded, SystemSecrets, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.core.model import Desired, Stream

__all__ = ["KEY", "Folder", "desired", "messages"]

KEY = b"k" * 32


class Folder:
    """A folder with streams.yaml and whatever else is written into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str | bytes) -> Path:
        """Write one file, making its folder."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def load(
        self,
        text: str | bytes | None = None,
        environ: Mapping[str, str] | None = None,
        last_good: str | None = None,
        key: bytes = KEY,
    ) -> Loaded:
        """Load streams.yaml, after writing `text` into it."""
        if text is not None:
            self.write("streams.yaml", text)
        secrets = SystemSecrets(environ or {})
        return load(self.path / "streams.yaml", secrets=secrets, digest_key=key, last_good=last_good)

    def stream(self, text: str, name: str = "gate", environ: Mapping[str, str] | None = None) -> Stream:
        """Load `text`, which must be without problems, and return one of its streams."""
        loaded = self.load(text, environ)
        assert messages(loaded) == []
        return desired(loaded).streams[name]


def desired(loaded: Loaded) -> Desired:
    """Return the desired state, which must be there."""
    assert loaded.desired is not None, messages(loaded)
    return loaded.desired


def messages(loaded: Loaded) -> list[str]:
    """Return the problems without the folder: `line:col: path: message`, with the file where it is another one."""
    texts = (str(problem) for problem in loaded.problems)
    return [text.rpartition("/streams.yaml:")[2] if "/streams.yaml:" in text else text for text in texts]
