"""What is refused, in whose words: the server's, exactly, and ours, with the way out and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.options.effective import built_in_defaults
from reconciler.core.options.rules import Violation, check_name, check_path, check_together
from reconciler.core.options.version import NEWEST, OLDEST, Version
from tests.support.recordings import VERSIONS

if TYPE_CHECKING:
    from reconciler.core.model import Json

RTSP = "rtsp://10.0.0.1/x"
Body = dict[str, "Json"]


def check(options: Body, version: Version = NEWEST, name: str = "gate") -> list[Violation]:
    return check_path(name, options, built_in_defaults(version), version)


def test_an_ordinary_camera_is_fine_everywhere() -> None:
    options: Body = {
        "source": "rtsp://admin:p%40ss@10.0.0.11:554/Streaming/Channels/101?transportmode=unicast",
        "rtspTransport": "tcp",
        "record": True,
        "recordSegmentDuration": "1h",
        "recordDeleteAfter": "168h",
        "maxReaders": 10,
        "runOnDemandStartTimeout": None,
    }
    for version in VERSIONS:
        assert check(options, version) == []


@pytest.mark.parametrize(
    ("options", "option", "message"),
    [
        ({"maxReaders": -1}, "maxReaders", "must be zero or more"),
        ({"recordDeleteAfter": "0s", "recordPartDuration": "-1s"}, "recordPartDuration", "must not be negative"),
        (
            {"runOnInit": " \t"},
            "runOnInit",
            "is blank, which ends the server: write a command, or leave it out",
        ),
        (
            {"runOnReady": 'sh -c "x'},
            "runOnReady",
            "has a quote or a backslash without its partner: the server could not run it",
        ),
        ({"runOnRead": '""'}, "runOnRead", "has no command in it: the server could not run it"),
        (
            {"rtspUDPSourcePortRange": [5000]},
            "rtspUDPSourcePortRange",
            "must be two ports, the lower first, each from 1 to 65535: anything else can end the server",
        ),
        (
            {"publishUser": ""},
            "publishUser",
            "freezes the server: after it every other write is refused; use authInternalUsers in mediamtx.yml instead",
        ),
        ({"name": "x"}, "name", "has no effect: the name of a path is the key of its stream"),
        (
            {"sourceFingerprint": "AA:BB"},
            "sourceFingerprint",
            "must be the SHA-256 of the certificate: 64 hex digits, without colons",
        ),
        ({"source": "rtsp://10.0.0.1:99999/x"}, "source", "the port must be between 1 and 65535"),
        ({"source": "rtsp://10.0.0.1:0/x"}, "source", "the port must be between 1 and 65535"),
        ({"source": "rtsp://:554/x"}, "source", "the URL has no host"),
        ({"source": "rtsp://fe80::1/x"}, "source", "an IPv6 address is written in brackets: [fe80::1]"),
        (
            {"source": "rtsp://u:p@ss@10.0.0.1/x"},
            "source",
            "an @ in the user name or password must be written as %40",
        ),
        (
            {"forward": [{"dest": "RTMP://h/x"}]},
            "forward",
            "item 1: write the scheme in lower case, anything else ends the server",
        ),
        (
            {"forward": [{"dest": "rtmp://h/x"}, {"dest": "rtmp://h:70000/x"}]},
            "forward",
            "item 2: the port must be between 1 and 65535",
        ),
        (
            {"rtspRangeType": "clock", "rtspRangeStart": "yesterday"},
            "rtspRangeStart",
            "must look like 20231231T235959Z where rtspRangeType is clock",
        ),
        (
            {"rtspRangeType": "npt", "rtspRangeStart": "1d"},
            "rtspRangeStart",
            "must be a duration like 30s where rtspRangeType is npt",
        ),
    ],
    ids=str,
)
def test_we_refuse_what_the_server_takes_and_should_not(options: Body, option: str, message: str) -> None:
    assert check(options) == [Violation(option, message)]


@pytest.mark.parametrize(
    "options",
    [
        {"runOnInit": "ffmpeg -i 'a b' rtsp://localhost:$RTSP_PORT/$MTX_PATH"},
        {"runOnInit": ""},
        {"rtspUDPSourcePortRange": [5000, 5000]},
        {"rtspUDPSourcePortRange": [1, 65535]},
        {"sourceFingerprint": "aB" * 32},
        {"rtspRangeType": "clock", "rtspRangeStart": "20231231T235959Z"},
        {"rtspRangeType": "npt", "rtspRangeStart": "1h30s"},
        {"rtspRangeStart": "whatever"},
        {"source": "rtsp://u:p$s!&+=:@[fe80::1]:554/x"},
        {"source": "udp://239.0.0.1:1234"},
    ],
    ids=str,
)
def test_we_do_not_refuse_what_works(options: Body) -> None:
    assert check(options) == []


@pytest.mark.parametrize(
    "value", [[], [5000], [5000, 5001, 5002], [6000, 5000], [0, 5000], [5000, 65536], [5000, None]], ids=str
)
def test_a_port_range_is_two_ports_in_order(value: Json) -> None:
    assert [violation.option for violation in check({"rtspUDPSourcePortRange": value})] == ["rtspUDPSourcePortRange"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "10.0.0.1/x",
            "must be publisher, redirect, rpiCamera or a URL with its scheme, like rtsp://host/path",
        ),
        ("RTSP://10.0.0.1/x", "write the scheme 'RTSP' in lower case"),
        (" rtsp://10.0.0.1/x", "spaces before a URL are not allowed"),
        ("rtsp://10.0.0.1:5x4/x", "is not a URL: the port is not a number"),
        ("rtsp://10.0.0.1/100%", "is not a URL: a % must be written as %25"),
        ("rtsp://10.0 .0.1/x", "is not a URL: there is a space in the host"),
        (
            "rtsp://[fe80::1/x",
            "is not a URL: an IPv6 address is written in brackets, [fe80::1], and the port after them",
        ),
        ("rtsp://10.0.0.1/a\nb", "is not a URL: it has a line break or another control character in it"),
        ("rtsp:///x", "the URL has no host"),
        ("udp://10.0.0.1", "the URL needs a port, like udp://239.0.0.1:1234"),
        (
            "rtsp://u@10.0.0.1/x",
            "the URL has a user name without a password or the reverse: MediaMTX wants both, or neither",
        ),
    ],
)
def test_a_wrong_source_is_told_what_is_wrong_with_it(source: str, message: str) -> None:
    violation = check({"source": source, "sourceOnDemand": True})[0]
    assert (violation.option, violation.message) == ("source", message)
    assert violation.server_text is not None


@pytest.mark.parametrize("character", ["/", "?", "#", "%", "[", '"', " ", "é", "^", "\\"])
def test_a_raw_character_in_a_password_is_told_to_be_encoded(character: str) -> None:
    for version in VERSIONS:
        violation = check({"source": f"rtsp://u:p{character}w@10.0.0.1/x"}, version)[0]
        assert violation.message.startswith("is not a URL: a character of the user name or password must be percent")


def test_an_option_too_new_for_the_server_says_which_version_it_needs() -> None:
    [violation] = check({"forward": []}, Version(1, 19, 3))
    assert violation == Violation(
        "forward", "needs MediaMTX 1.20.0 or newer, this is 1.19.3", 'json: unknown field "forward"'
    )
    [violation] = check({"source": "moqt://10.0.0.1:1/x"}, Version(1, 20, 0))
    assert violation.message == "sources of scheme 'moqt' need MediaMTX 1.20.1 or newer, this is 1.20.0"


def test_an_unknown_option_is_answered_with_what_may_be_meant() -> None:
    assert [v.message for v in check({"sorce": "x"})] == ["unknown option, did you mean 'source'?"]
    assert [v.message for v in check({"zzz": "x"})] == ["unknown option"]
    [violation] = check({"MaxReaders": 1}, OLDEST)
    assert violation == Violation("MaxReaders", "unknown option, did you mean 'maxReaders'?")


def test_an_option_only_the_live_server_knows_is_let_through() -> None:
    assert check_path("gate", {"holographic": 1}, {"holographic": 0}, NEWEST) == []


def test_days_are_too_new_for_1_10() -> None:
    [violation] = check({"recordDeleteAfter": "7d"}, Version(1, 10, 0))
    assert violation.message.endswith("days need MediaMTX 1.11.0, write hours")
    assert violation.server_text == 'time: unknown unit "d" in duration "7d"'


def test_all_that_is_wrong_is_said_at_once_and_the_servers_answer_first() -> None:
    found = check({"source": RTSP, "recordPath": "x", "maxReaders": "3", "runOnDemand": "x", "runOnInit": " "})
    assert [violation.option for violation in found] == [
        "maxReaders",
        "recordPath",
        "recordPath",
        "runOnDemand",
        "runOnInit",
    ]
    assert found[0].server_text is not None
    assert found[-1].server_text is None


def test_a_source_of_the_wrong_type_is_not_taken_for_a_publisher() -> None:
    assert [violation.option for violation in check({"source": 5, "sourceOnDemand": True})] == ["source"]


def test_what_is_inherited_counts() -> None:
    defaults = {**built_in_defaults(NEWEST), "sourceOnDemand": True}
    assert [v.option for v in check_path("gate", {}, defaults, NEWEST)] == ["sourceOnDemand"]
    assert check_path("gate", {"source": RTSP}, defaults, NEWEST) == []


def test_without_live_defaults_the_built_in_ones_count() -> None:
    assert [v.option for v in check_path("gate", {"recordDeleteAfter": "59m"}, {}, NEWEST)] == ["recordDeleteAfter"]


GOOD_PATTERNS = ["", "^cam_(.+)$", "(?<n>a)", "(?P<n>a)", "\\pL\\z", "a*?", "a{1000}", "[]a]", "[[:alpha:]]", "[\\d-z]"]
GOOD_PATTERNS += [
    "\\Q[\\E",
    "(?i-m:a)",
    "(?)",
    "a||b",
    "\\07",
    "\\x{41}",
    "\\_",
    "a{,2}",
    "(a{100}){10}",
    "[^\\]]",
    "x{",
]
BAD_PATTERNS = [
    "(",
    "(?!x)y",
    "(?<=x)",
    "(?P=n)",
    "\\1",
    "\\Z",
    "a**",
    "a*+",
    "a{1001}",
    "(a{100}){11}",
    "a{2,1}",
    "[z-a]",
]
BAD_PATTERNS += [
    "[a",
    "[[:odd:]]",
    "[a-\\d]",
    "(?x)a",
    "(?-)",
    "a|*",
    "x)",
    "\\",
    "\\C",
    "\\x4",
    "(?#c)",
    "(?>a)",
    "(?i)*",
]


@pytest.mark.parametrize("pattern", GOOD_PATTERNS)
def test_a_name_may_be_a_regular_expression_of_go(pattern: str) -> None:
    assert check_name(f"~{pattern}", NEWEST) is None


@pytest.mark.parametrize("pattern", BAD_PATTERNS)
def test_a_name_may_be_no_other_regular_expression(pattern: str) -> None:
    violation = check_name(f"~{pattern}", NEWEST)
    assert violation is not None
    assert violation.server_text == f"invalid regular expression: {pattern}"


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_is_not(text: str) -> None:
    for version in (OLDEST, NEWEST):
        for name in (text, f"~{text}"):
            violation = check_name(name, version)
            assert violation is None or violation.message


def test_dots_between_slashes_are_refused_where_the_server_takes_them() -> None:
    violation = check_name("a/../b", Version(1, 17, 0))
    assert violation is not None
    assert violation.server_text is None


def test_everything_else_may_stand_once() -> None:
    found = check_together({"all": {}, "all_others": {}, "gate": {}}, NEWEST)
    assert [(name, violation.server_text) for name, violation in found] == [
        ("all_others", "all_others, all and '~^.*$' are aliases")
    ]
    assert check_together({"~^.*$": {}, "gate": {}}, NEWEST) == []
    assert check_together({}, NEWEST) == []


@pytest.mark.parametrize(
    ("version", "blamed"), [(Version(1, 10, 0), ["b"]), (Version(1, 11, 0), ["a", "b"]), (NEWEST, ["a", "b"])], ids=str
)
def test_a_camera_is_the_source_of_one_path(version: Version, blamed: list[str]) -> None:
    paths = {"a": {"source": "rpiCamera"}, "b": {"source": "rpiCamera"}, "c": {"source": RTSP}}
    assert [name for name, _ in check_together(paths, version)] == blamed
    assert check_together({**paths, "b": {"source": "rpiCamera", "rpiCameraCamID": 1}}, version) == []


def test_a_second_stream_of_a_camera_needs_a_first_and_is_the_only_one() -> None:
    first: Body = {"source": "rpiCamera"}
    second: Body = {"source": "rpiCamera", "rpiCameraSecondary": True}
    assert check_together({"a": first, "b": second}, NEWEST) == []
    [(name, alone)] = check_together({"b": second}, NEWEST)
    assert (name, alone.option) == ("b", "rpiCameraSecondary")
    assert alone.server_text == "cannot find a primary RPI Camera stream to associate with the secondary stream"
    [(name, third)] = check_together({"a": first, "b": second, "c": second}, NEWEST)
    assert name == "c"
    assert third.server_text == "a primary RPI Camera stream is associated with multiple secondary streams"


SECRET = "hunter2Zx9"
PIECES = st.lists(
    st.sampled_from(
        ["rtsp://", "udp://", "u", SECRET, ":", "@", "10.0.0.1", "/", "?", "#", "%", "[", " ", "\n", "$G1"]
    ),
    max_size=12,
).map("".join)


@given(text=PIECES, version=st.sampled_from(VERSIONS), scheme=st.sampled_from(["", "rtsp://u:", "rtmp://", "whip://"]))
def test_no_message_and_no_repr_repeats_any_of_a_secret(text: str, version: Version, scheme: str) -> None:
    url = f"{scheme}{text}"
    everything: Body = {
        "source": url,
        "sourceRedirect": url,
        "fallback": url,
        "srtReadPassphrase": url,
        "srtPublishPassphrase": url,
        "publishPass": url,
        "readPass": [url],
        "whepBearerToken": {url: url},
        "forward": [{"dest": url}, {"dest": f"rtmp://u:{SECRET}@h:99999/x"}],
    }
    for options in (everything, {**everything, "source": "redirect"}, {**everything, "source": 5}):
        for violation in check(options, version):
            assert SECRET not in violation.message
            assert SECRET not in repr(violation)
