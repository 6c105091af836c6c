"""Redaction where it is easily got wrong: real forms of URLs, and our own messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.redaction import Redactor, mask_url


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://cam/?auth_code=hunter2", "http://cam/?auth_code=***"),
        ("http://cam/?u=a&p=hunter2", "http://cam/?u=a&p=***"),
        ("srt://h:8890?streamid=read:gate:v:hunter2&x=1", "srt://h:8890?streamid=read:gate:v:***&x=1"),
        ("srt://h?streamid=#!::m=request,r=gate,u=v,s=hunter2", "srt://h?streamid=#!::m=request,r=gate,u=v,s=***"),
        ("rtsp%3A%2F%2Fadmin%3Ahunter2%40cam%2F1", "rtsp%3A%2F%2Fadmin%3A***%40cam%2F1"),
    ],
)
def test_a_password_is_hidden_wherever_cameras_and_servers_put_it(url: str, masked: str) -> None:
    assert mask_url(url) == masked
    assert Redactor().text(f"source {url} is bad") == f"source {masked} is bad"


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parent.glob("spec/invalid/*.expected.txt")), ids=lambda p: p.name
)
def test_a_message_of_the_loader_stays_readable(path: Path) -> None:
    message = path.read_text()
    assert Redactor().text(message) == message
