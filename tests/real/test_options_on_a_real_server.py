"""Every option with values of every sort, written to a real server: it answers and prints what we say it does."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from reconciler.core.options.effective import built_in_defaults, differences, effective
from reconciler.core.options.rules import check_path, check_semantics, check_types
from reconciler.core.options.table import Kind, OptionSpec, knows, option_table
from tests.support.mediamtx import RealServer
from tests.support.recordings import is_gos_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.core.model import Json
    from reconciler.core.options.version import Version

pytestmark = pytest.mark.real

RTSP = "rtsp://127.0.0.1:1/x"
# The API shows a write of 1.20.1 some milliseconds after it has answered.
PATIENCE = 2.0
LEGACY = ("publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs")

VALUES: dict[Kind, list[Json]] = {
    Kind.STRING: ["", "some text", "http://é/ü", 5, True, ["x"]],
    Kind.BOOL: [True, False, "yes", 1],
    Kind.INT: [0, 7, -7, 2**40, 3.0, 2.5, "3", True],
    Kind.UINT: [0, 8, 64, -1, 3.0, "3", 2**63],
    Kind.FLOAT: [0, 1, 1.0, 0.1, -2.5, 1e-7, 1e6, "1", False],
    Kind.ENUM: ["TCP", "unknown", 0, True],
    Kind.DURATION: ["0s", "0", "", "90s", "36h", "24h", "7d", "1d1h", "1500ms", "-5s", "1.5d", "10", "1us", 10, "1 h"],
    Kind.SIZE: ["50M", "1500K", "1000000B", "0B", "1.95M", "1023B", "1025B", " 2gb ", "50", "", "-1M", 1000],
    Kind.LIST_CIDR: [[], ["10.0.0.1", "10.0.0.0/8"], ["::1", "fe80::1/10"], ["::ffff:1.2.3.4"], ["x"], "10.0.0.1"],
    Kind.LIST_FLOAT: [[1, 2.5], [0.0, 1e3], [1], [], ["1"], "1,2"],
    Kind.LIST_UINT: [[5000, 6000], [], [1], [-1], ["1"], [1.5]],
    Kind.TRACKS: [
        [],
        [{"codec": "H264"}],
        [{"codec": "Opus", "muLaw": True}, {"codec": "AV1"}],
        [{"codec": "MPEG4Audio", "sampleRate": 48000, "channelCount": 2}],
        [{"codec": "MPEG4Audio", "sampleRate": 8000, "channelCount": 2}],
        [{"codec": "G711", "sampleRate": 8000, "channelCount": 1, "muLaw": True}],
        [{"codec": "G711", "sampleRate": 4000, "channelCount": 1}],
        [{"codec": "LPCM", "sampleRate": 8000}],
        [{"codec": "LPCM"}],
        [{"codec": "H264", "sampleRate": 1}],
        [{"codec": "H264", "channelCount": 1}],
        [{"codec": "h264"}],
        [{}],
        [{"codec": "H264", "other": 1}],
        [{"codec": 1}],
        ["H264"],
        "H264",
    ],
    Kind.FORWARD: [
        [],
        [{"dest": "rtmp://127.0.0.1:1/live/$MTX_PATH"}],
        [{"dest": "rtsps://u:p@127.0.0.1:1/x"}, {"dest": "srt://127.0.0.1:1?streamid=publish:x"}],
        [{"dest": "whip://127.0.0.1:1/x", "whipBearerToken": "abc"}],
        [{"dest": "rtsp://$G1:$G2/x"}],
        [{"dest": ""}],
        [{}],
        [{"dest": "http://127.0.0.1/x"}],
        [{"dest": "rtsp://u@127.0.0.1/x"}],
        [{"dest": "rtsp:///x"}],
        [{"dest": "nonsense"}],
        [{"dest": "rtsp://127.0.0.1:1/a b%"}],
        [{"dest": 5}],
        [{"other": "x"}],
        ["rtsp://127.0.0.1:1/x"],
    ],
}
SOURCES = [
    *("rtsp://127.0.0.1", "rtsp://:1/x", "rtsp://127.0.0.1:99999/x", "rtsp://127.0.0.1:/x", "rtsp://[::1]:1/x"),
    *("rtsp://::1/x", "http://::1/x", "rtsp://[::1/x", "rtsp://::1]/x", "rtsp://a[b]/x", "rtsp://[127.0.0.1]/x"),
    *("rtsp://[fe80::1%25eth0]/x", "rtsp://[fe80::1%eth0]/x", "rtsp://[::1]x/x", "rtsp://[::ffff:1.2.3.4]:1/x"),
    *(
        "rtsp://a b/x",
        "rtsp://a_b/x",
        "rtsp://a%41b/x",
        "rtsp://a%c3%a9b/x",
        "rtsp://é/x",
        "rtsp://a|b/x",
        'rtsp://"/x',
    ),
    *("rtsp://h/a b", "rtsp://h/a%zz", "rtsp://h/?x=%zz", "rtsp://h/#f", "rtsp://h/#%zz", "rtsp://h?x", "rtsp://h#f"),
    *("rtsp://u@h/", "rtsp://u:@h/", "rtsp://:p@h/", "rtsp://:@h/", "rtsp://@h/", "rtsp://u:p@h/", "rtsp://u:p%40@h/"),
    *(
        "rtsp://u:p@ss@h/",
        "rtsp://u:p:s@h/",
        "rtsp://u:p/s@h/",
        "rtsp://u:p?s@h/",
        "rtsp://u:p#s@h/",
        "rtsp://u:p%s@h/",
    ),
    *("rtsp://u:p s@h/", "rtsp://u:p[s@h/", "rtsp://u:p^s@h/", "rtsp://u:pé@h/", "rtsp://u:p\\s@h/", "rtsp://u:p|@h/"),
    *("rtsp://$G1:$G2/$G3", "rtsp://h:$G1/x", "rtsp://h/$MTX_QUERY", "rtsp://u:p@$G1/x", "rtsp://h:1:2/x"),
    *("rtmp://", "http://", "srt://", "whep://", "udp://", "moqt://", "rtmp://u@h/x", "http://u@h/x", "srt://u@h:1"),
    *("whep://u@h/x", "udp://h", "udp://h:1", "udp://h:", "udp://:1", "udp://h:1/x", "udp://[::1]:1", "udp://::1:1"),
    *("udp+mpegts://h", "udp+mpegts://239.0.0.1:1?interface=eth0", "udp://h:a", "unix+mpegts:///run/x", "unix+rtp://x"),
    *("udp+rtp://h:1", "udp+rtp://h", "moqt://127.0.0.1:1/x", "rtsp+http://h/x", "rtsps+ws://u@h/x"),
    *("", "x", "Publisher", "RTSP://h/", " rtsp://h/", "rtsp:h", "rtsp:/h", "//h/x", "rtsp://h/a\tb", "rtsp://h/\x7f"),
]
REDIRECTS = [
    *("rtsp://h/x", "rtsps://u@h/x", "/other", "/", "//x", "/a b", "/a:b", "/..", "other", "http://h/x", "rtsp:x", ""),
    *("rtsp://h/x#f", "rtsp://h:99999/x", "rtsp://u:p@h%25/x", "RTSP://h/x", ":x", "rtsp://u:p%@h/x", "a:b/c", "?x:y"),
]
BODIES: list[dict[str, Json]] = [
    {"source": "redirect"},
    {"sourceRedirect": "rtsp://h/x"},
    {"source": "redirect", "sourceRedirect": "rtsp://h/x", "sourceOnDemand": True},
    {"sourceOnDemand": True},
    {"source": RTSP, "sourceOnDemand": True, "runOnDemand": "true"},
    {"source": RTSP, "sourceOnDemand": True, "runOnUnDemand": "true"},
    {"source": RTSP, "sourceOnDemand": True, "srtPublishPassphrase": "0123456789"},
    {"srtPublishPassphrase": "short"},
    {"srtPublishPassphrase": "é" * 5},
    {"srtReadPassphrase": "x" * 80},
    {"srtReadPassphrase": "x" * 79},
    {"source": RTSP, "sourceOnDemand": True, "sourceProtocol": "udp", "sourceAnyPortEnable": True},
    {"source": RTSP, "sourceOnDemand": True, "sourceProtocol": "tcp", "rtspTransport": "udp"},
    {"sourceProtocol": "tcp"},
    {"disablePublisherOverride": True, "overridePublisher": True},
    {"source": RTSP, "sourceOnDemand": True, "disablePublisherOverride": True},
    {"runOnReady": "true", "runOnReadyRestart": True, "runOnNotReady": "false"},
    {"runOnReady": "", "runOnAvailable": "true"},
    {"runOnReadyRestart": False, "runOnAvailableRestart": True},
    {"source": "rpiCamera", "sourceOnDemand": True},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraProfile": "high", "rpiCameraLevel": "4.2"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraJPEGQuality": 30},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraProfile": "odd"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraLevel": "5"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraSoftwareH264Profile": "odd"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraH264Profile": "odd"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraH264Level": "5"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraCodec": "mjpeg"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraCodec": "mjpeg", "rpiCameraWidth": 1001},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraCodec": "odd"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraWidth": 0},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraAWBGains": [1]},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraExposure": "odd"},
    {"source": "rpiCamera", "sourceOnDemand": True, "rpiCameraAfSpeed": "odd"},
    {"rpiCameraDenoise": "odd"},
    {"alwaysAvailable": True},
    {"alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H264"}]},
    {"alwaysAvailable": True, "alwaysAvailableTracks": [], "alwaysAvailableFile": ""},
    {"alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H264"}], "alwaysAvailableFile": "x.mp4"},
    {"alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H264"}], "useAbsoluteTimestamp": True},
    {"alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H264"}], "runOnDemand": "true"},
    {"source": RTSP, "alwaysAvailable": True, "alwaysAvailableTracks": [{"codec": "H264"}], "sourceOnDemand": True},
    {"recordPath": "x"},
    {"recordPath": "%path"},
    {"recordPath": "%path/%s"},
    {"recordPath": "%path/%Y%m%d%H%M%S"},
    {"recordSegmentDuration": "25h", "recordDeleteAfter": "0s"},
    {"recordSegmentDuration": "2h", "recordDeleteAfter": "1h"},
    {"recordSegmentDuration": "2h", "recordDeleteAfter": "2h"},
    {"recordDeleteAfter": "-1s"},
    {"nonsense": 1},
    {"record": None, "source": None},
    {"name": "other"},
    {"name": 5},
]
NAMES = [
    *("a", "a/b", "a//b", "A.b-c_d", "a~b", "a:b", "a b", "é", "a/", "a/../b", "./a", "..", "...", ".a", "a\n", "a%b"),
    *("~", "~^a$", "~(", "~(?!x)", "~(?<n>a)", "~(?P<n>a)(?P<n>b)", "~(?P=n)", "~\\1", "~\\pL", "~\\p{Greek}", "~\\z"),
    *("~\\Z", "~a**", "~a*?", "~a*+", "~a{1000}", "~a{1001}", "~(a{100}){11}", "~(a{100}){10}", "~a{2,1}", "~a{,2}"),
    *(
        "~[a-z]",
        "~[z-a]",
        "~[]a]",
        "~[a",
        "~[[:alpha:]]",
        "~[[:odd:]]",
        "~[\\d-z]",
        "~[a-\\d]",
        "~\\Q[\\E",
        "~(?i)a",
        "~(?x)a",
    ),
    *(
        "~(?i-m:a)",
        "~(?)",
        "~(?-)",
        "~(?",
        "~|",
        "~a|*",
        "~x)",
        "~\\",
        "~\\C",
        "~\\8",
        "~\\07",
        "~\\x4",
        "~\\x{41}",
        "~\\_",
    ),
    *(
        "~\\e",
        "~(?#c)",
        "~(?>a)",
        "~a{1}{2}",
        "~^*",
        "~(a|b)+c?",
        "~\\b*",
        "~(?i)*",
        "~(?:)*",
        "~\\a\\f",
        "~[\\b]",
        "~[a\\]]",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer.start(tmp_path_factory.mktemp("mediamtx")) as started:
        yield started


@pytest.fixture(scope="module")
def http(server: RealServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.api_url}/v3/config", trust_env=False, timeout=10) as client:
        yield client


def expected_error(name: str, body: dict[str, Json], defaults: dict[str, Json], version: Version) -> str | None:
    found = check_types(body, version) or check_semantics(name, body, defaults, version)
    return next((violation.server_text for violation in found if violation.server_text is not None), None)


def mismatch(http: httpx.Client, name: str, body: dict[str, Json], version: Version) -> str | None:
    """Write `body`, and say in what the server's answer or listing is not as expected; None: in nothing."""
    defaults = http.get("/pathdefaults/get").json()
    error = expected_error(name, body, defaults, version)
    # Dots too, or the HTTP client would resolve `..` itself.
    quoted = quote(name, safe="").replace(".", "%2E")
    answer = http.post(f"/paths/replace/{quoted}", json=body)
    if error is not None or not answer.is_success:
        text = answer.json()["error"] if not answer.is_success else None
        same = text == error or (is_gos_text(text) and is_gos_text(error))
        result = None if same else f"{name} {body}: expected {error!r}, the server says {text!r}"
    else:
        result = listing_mismatch(http, quoted, effective(body, defaults, version))
        result = result and f"{name} {body}: {result}"
    if answer.is_success:
        http.delete(f"/paths/delete/{quoted}").raise_for_status()
    return result


def listing_mismatch(http: httpx.Client, quoted: str, expected: dict[str, Json]) -> str | None:
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = http.get(f"/paths/get/{quoted}")
        live: dict[str, Any] = shown.json() if shown.is_success else {}
        live.pop("name", None)
        differing = differences(expected, live)
        if (not differing and expected == live) or time.monotonic() > deadline:
            break
    if not differing and expected != live:
        return "no differences found, yet unequal"
    return "; ".join(f"{name}: {expected.get(name)!r} is {live.get(name)!r}" for name in differing) or None


def nothing_in(found: list[str | None]) -> None:
    problems = [problem for problem in found if problem]
    if problems:
        pytest.fail("\n".join(problems))


def values(spec: OptionSpec) -> list[Json]:
    return [*spec.enum, *VALUES[spec.kind], None]


# These start something, or need another option: they are tried in whole bodies.
IN_BODIES = {"source", "sourceRedirect", "fallback", "alwaysAvailable", "runOnInit", "name", *LEGACY}


@pytest.mark.parametrize("option", sorted(option_table().keys() - IN_BODIES))
def test_every_value_of_an_option_is_answered_and_printed_as_expected(
    server: RealServer, http: httpx.Client, option: str
) -> None:
    spec = option_table()[option]
    found = [mismatch(http, "t", {option: value}, server.version) for value in values(spec)]
    nothing_in(found)


@pytest.mark.parametrize("sdp", [False, True], ids=["without rtpSDP", "with rtpSDP"])
def test_every_source_is_answered_and_printed_as_expected(server: RealServer, http: httpx.Client, *, sdp: bool) -> None:
    more: dict[str, Json] = {"rtpSDP": "v=0"} if sdp and knows(server.version, "rtpSDP") else {}
    bodies: list[dict[str, Json]] = [{"source": source, "sourceOnDemand": True, **more} for source in SOURCES]
    found = [mismatch(http, "t", body, server.version) for body in bodies]
    nothing_in(found)


def test_every_redirect_is_answered_and_printed_as_expected(server: RealServer, http: httpx.Client) -> None:
    bodies: list[dict[str, Json]] = [{"source": "redirect", "sourceRedirect": target} for target in REDIRECTS]
    bodies += [{"fallback": target} for target in REDIRECTS]
    found = [mismatch(http, "t", body, server.version) for body in bodies]
    nothing_in(found)


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_options_together_are_answered_and_printed_as_expected(
    server: RealServer, http: httpx.Client, body: dict[str, Json]
) -> None:
    assert mismatch(http, "t", body, server.version) is None


def test_every_name_is_answered_as_expected(server: RealServer, http: httpx.Client) -> None:
    bodies: list[dict[str, Json]] = [{}, {"source": RTSP}, {"runOnInit": "true"}]
    found = [mismatch(http, name, {}, server.version) for name in NAMES]
    found += [mismatch(http, name, body, server.version) for name in ("~^x$", "all", "all_others") for body in bodies]
    nothing_in(found)


def test_a_fresh_server_has_the_built_in_defaults(server: RealServer, http: httpx.Client) -> None:
    assert http.get("/pathdefaults/get").json() == built_in_defaults(server.version)


POISON: list[tuple[str, dict[str, Json]]] = [
    ("runOnInit", {"runOnInit": " "}),
    ("rtspUDPSourcePortRange", {"source": RTSP, "rtspUDPSourcePortRange": [5000]}),
    ("forward", {"forward": [{"dest": "RTMP://127.0.0.1:1/x"}]}),
]


@pytest.mark.parametrize(("option", "body"), POISON, ids=lambda value: value if isinstance(value, str) else "")
def test_what_ends_a_server_is_refused_by_us_and_taken_by_it(
    tmp_path: Path, option: str, body: dict[str, Json]
) -> None:
    with RealServer.start(tmp_path) as doomed:
        if not knows(doomed.version, option):
            pytest.skip(f"MediaMTX {doomed.version} has no {option}")
        refusals = check_path("t", body, built_in_defaults(doomed.version), doomed.version)
        assert [(refusal.option, refusal.server_text) for refusal in refusals] == [(option, None)]
        with contextlib.suppress(httpx.TransportError):
            doomed.edit("t", body)
        doomed.wait_until_dead()
        assert "panic" in doomed.log
