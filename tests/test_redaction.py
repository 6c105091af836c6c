from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.redaction import MASK, Redactor, is_secret_name, mask_url

if TYPE_CHECKING:
    from collections.abc import Callable

texts = st.text(st.characters(codec="utf-8"), max_size=40)
secrets = st.text(st.characters(codec="utf-8"), min_size=4, max_size=20).filter(lambda secret: "*" not in secret)
delimiters = st.sampled_from(["", " ", '"', "'", "=", ",", "/", "@", "\n", "%20", "\\n", "(", "é"])


def redactor(*learnt: str) -> Redactor:
    made = Redactor()
    made.learn(*learnt)
    return made


class TestLearntSecrets:
    @given(secret=secrets, before=texts, left=delimiters, right=delimiters, after=texts)
    def test_never_survive(self, secret: str, before: str, left: str, right: str, after: str) -> None:
        # A short plain word may stay within a longer one, therefore something must stand on both sides of it.
        assume((left and right) or not secret.isalnum())
        if not left:
            before = ""
        if not right:
            after = ""
        assert secret not in redactor(secret).text(before + left + secret + right + after).replace(MASK, "")

    @given(secret=secrets)
    @pytest.mark.parametrize(
        "encode",
        [
            lambda secret: quote(secret, safe=""),
            quote,
            quote_plus,
            lambda secret: re.sub("%..", lambda octet: octet[0].lower(), quote(secret, safe="")),
            lambda secret: quote(secret, safe="$&+,;="),
            lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
            lambda secret: json.dumps(secret)[1:-1],
            lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
            lambda secret: repr(secret)[1:-1],
            lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
            lambda secret: base64.b64encode(secret.encode()).decode(),
        ],
        ids=[
            "percent",
            "percent, slashes left",
            "form",
            "percent, lower case",
            "percent, as Go does",
            "percent, every byte",
            "json, ascii",
            "json",
            "repr",
            "basic",
            "base64",
        ],
    )
    def test_are_found_in_every_spelling(self, encode: Callable[[str], str], secret: str) -> None:
        spelt = encode(secret)
        shown = redactor(secret).text(f"before <{spelt}> after")
        assert spelt not in shown
        assert shown.startswith("before <")
        assert shown.endswith("> after")

    def test_a_plain_word_is_left_within_a_longer_one(self) -> None:
        assert redactor("gate").text("gate, propagate, gate2, gate") == "***, propagate, gate2, ***"

    def test_a_secret_that_is_no_plain_word_is_replaced_anywhere(self) -> None:
        assert redactor("hunter2").text("xhunter2y") == "x***y"

    def test_an_escape_before_it_is_not_part_of_the_word(self) -> None:
        assert redactor("gate").text(r"'a\ngate', 'a\x20gate', a%20gate") == r"'a\n***', 'a\x20***', a%20***"

    def test_overlapping_ones_are_hidden_whole(self) -> None:
        assert redactor("ab-cd", "cd-ef").text("(ab-cd-ef)") == "(***)"

    def test_the_longest_goes_first(self) -> None:
        assert redactor("abcd", "abcd-efgh").text("abcd-efgh abcd") == "*** ***"

    def test_fewer_than_four_characters_are_not_learnt(self) -> None:
        assert redactor("abc", "").text("abc") == "abc"

    def test_odd_strings_do_no_harm(self) -> None:
        learnt = redactor("\ud800bad", "100%", "a\x00b\x00")
        assert learnt.text("<\ud800bad> <100%> <a\x00b\x00> %zz %") == "<***> <***> <***> %zz %"

    def test_thousands_are_as_good_as_one(self) -> None:
        many = [f"secret-{number:05}" for number in range(5000)]
        assert redactor(*many).text(" ".join(many[::500])) == " ".join([MASK] * 10)


class TestUrlsOfAnyShape:
    users = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8)
    passwords = st.text(st.characters(codec="utf-8"), min_size=4, max_size=16).filter(
        lambda password: "*" not in password and not password.isdigit()
    )
    schemes = st.sampled_from(["rtsp", "rtsps", "http", "udp+mpegts", "x-custom", "RTSP"])
    hosts = st.sampled_from(["cam", "10.0.0.1", "10.0.0.1:554", "[::1]:8554", "cam.lan:554"])
    tails = st.sampled_from(["", "/", "/Streaming/Channels/101", "/a?b=c&d=e", "?x=1#y", "/mail/you@there"])

    @given(scheme=schemes, user=users, password=passwords, host=hosts, tail=tails)
    def test_never_keep_their_password(self, scheme: str, user: str, password: str, host: str, tail: str) -> None:
        start, end = f"{scheme}://{user}:", f"@{host}{tail}"
        assume(password not in f"{start}{end}")
        assert password not in mask_url(f"{start}{password}{end}").replace(MASK, "")

    @given(scheme=schemes, user=users, password=passwords, host=hosts, tail=tails)
    def test_never_keep_it_within_a_text(self, scheme: str, user: str, password: str, host: str, tail: str) -> None:
        password = "".join(password.split()) + "!x"
        start, end = f"{scheme}://{user}:", f"@{host}{tail}"
        assume(password not in f"{start}{end}" and '"' not in password)
        text = Redactor().text(f'cannot open "{start}{password}{end}": no route')
        assert password not in text
        assert text.startswith("cannot open")

    @given(st.text())
    def test_mask_url_takes_any_string_and_changes_nothing_the_second_time(self, text: str) -> None:
        once = mask_url(text)
        assert mask_url(once) == once

    @given(st.text())
    def test_text_changes_nothing_the_second_time(self, text: str) -> None:
        once = Redactor().text(text)
        assert Redactor().text(once) == once

    @pytest.mark.parametrize(
        ("url", "masked"),
        [
            ("rtsp://user:p@ss:w/ord@host/x", "rtsp://user:***@host/x"),
            ("rtsp://user:pa ss@host/x", "rtsp://user:***@host/x"),
            ("rtsp://user:pa\"s's<@host", "rtsp://user:***@host"),
            ("rtsp://:secret@host", "rtsp://:***@host"),
            ("rtsp://user%3Asecret@host", "rtsp://user%3A***@host"),
            ("rtsp://bob@example.com:secret@host", "rtsp://bob@example.com:***@host"),
            ("rtsp://dom/user:secret@host/x", "rtsp://dom/user:***@host/x"),
            ("rtsp://user:secret", "rtsp://user:***"),
            ("user:secret@host/x", "user:***@host/x"),
            ("rtsp:/user:secret@host/x", "rtsp:/user:***@host/x"),
            (
                "rtsp://10.0.0.1:554/user=admin_password=tlJwpbo6_channel=1",
                "rtsp://10.0.0.1:554/user=admin_password=***",
            ),
            ("http://cam/video?user=a&password=b,c;d&size=1", "http://cam/video?user=a&password=***&size=1"),
            ("http://cam/video?token=abc", "http://cam/video?token=***"),
            ("http://cam/video?auth=abc&key=def", "http://cam/video?auth=***&key=***"),
            (
                "srt://cam:8890?streamid=publish:x:me:p@ss&mode=caller",
                "srt://cam:8890?streamid=publish:x:me:***&mode=caller",
            ),
            ("srt://cam:8890?passphrase=0123456789", "srt://cam:8890?passphrase=***"),
        ],
    )
    def test_hide_what_must_be_hidden(self, url: str, masked: str) -> None:
        assert mask_url(url) == masked
        assert mask_url(masked) == masked

    @pytest.mark.parametrize(
        "url",
        [
            "publisher",
            "",
            "rtsp://10.0.0.1:554/x",
            "rtsp://10.0.0.1:554/stream@main",
            "rtsp://admin@cam/x",
            "http://[::1]:9997/v3/info",
            "http://[fe80::1]/x@y",
            "udp://239.0.0.1:1234?pkt_size=1316",
            "unix+mpegts:///run/socket.sock",
            "rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH",
            "rtsp://localhost:8554/$G1",
            "srt://cam:8890?streamid=read:x",
        ],
    )
    def test_show_what_may_be_seen(self, url: str) -> None:
        assert mask_url(url) == url
        assert Redactor().text(url) == url

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("at http://127.0.0.1:9997, from rtsp://a:b@c/x", "at http://127.0.0.1:9997, from rtsp://a:***@c/x"),
            ("url=http://host:9997 source=rtsp://a:b@c/x n=1", "url=http://host:9997 source=rtsp://a:***@c/x n=1"),
            ("'rtsp://a:b@c/x', 'rtsp://d:e@f/y'", "'rtsp://a:***@c/x', 'rtsp://d:***@f/y'"),
            ("'rtsp://a:b'c@d/x' is not", "'rtsp://a:***@d/x' is not"),
            ("rtsp://a:b c@d/x is not", "rtsp://a:***@d/x is not"),
            ("cut short: rtsp://admin:secr…", "cut short: rtsp://admin:***"),
            ("answers on http://host:port, say", "answers on http://host:port, say"),
        ],
    )
    def test_are_found_within_text(self, text: str, shown: str) -> None:
        assert Redactor().text(text) == shown


class TestShapes:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("password=hunter2 user=bob", "password=*** user=bob"),
            ("password=a,b;c", "password=***"),
            ('password="two words" user=bob', 'password="***" user=bob'),
            (r'{"readPass": "a\"b c", "n": 1}', '{"readPass": "***", "n": 1}'),
            ("{'apiKey': 'it', 'n': 1}", """{'apiKey': "***", 'n': 1}"""),
            ("(token=abc)", "(token=***)"),
            ("pass:abc def", "pass:*** def"),
            ("password: hunter2\nuser: bob", "password: ***\nuser: bob"),
            ("{password: hunter2, user: bob}", "{password: ***, user: bob}"),
            ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
            ("'authorization': 'Basic YWRtaW46YWRtaW4='", "'authorization': 'Basic ***'"),
            ("Basic YWRtaW46YWRtaW4=", "Basic ***"),
            ("bearer eyJhbGciOi.JIUzI1NiJ9.x", "bearer ***"),
        ],
    )
    def test_of_secrets_are_hidden(self, text: str, shown: str) -> None:
        assert Redactor().text(text) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "streams.yaml:12:5: streams.gate.password: environment variable GATE is not set: set it",
            "streams.yaml:12:5: server.password: needs a username too",
            "use basic authentication, or a bearer token",
            "unknown key 'passwort', did you mean 'password'?",
            "a resync pass: 12 changes, 3 held",
            "passed=3 bypass=1 last_pass=12",
        ],
    )
    def test_of_prose_are_not(self, text: str) -> None:
        assert Redactor().text(text) == text


def test_names_of_secrets_are_known() -> None:
    assert all(map(is_secret_name, ["password", "readPass", "pass", "api_key", "mediamtx-token", "PASSWORD"]))
    assert not any(map(is_secret_name, ["stream", "last_pass", "passes", "source", "key"]))
