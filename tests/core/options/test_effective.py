"""What a server would list for a path: declared over inherited, in its own spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.options.canonical import canonical, format_duration, format_size
from reconciler.core.options.effective import built_in_defaults, differences, effective
from reconciler.core.options.table import Kind, OptionSpec, accepted_names, option_table
from reconciler.core.options.version import NEWEST, OLDEST, Version
from tests.support.recordings import VERSIONS

if TYPE_CHECKING:
    from reconciler.core.model import Json

RTSP = "rtsp://10.0.0.1/x"


def shown(options: dict[str, Json], version: Version = NEWEST) -> dict[str, Json]:
    """Return only what `options` make different from a path without any."""
    defaults = built_in_defaults(version)
    path = effective(options, defaults, version)
    return {name: path[name] for name in differences(path, defaults)}


def test_declared_options_stand_over_inherited_ones() -> None:
    defaults = {**built_in_defaults(NEWEST), "maxReaders": 9}
    path = effective({"source": RTSP, "record": True}, defaults, NEWEST)
    assert {"name": "", **path} == {**built_in_defaults(NEWEST), "maxReaders": 9, "source": RTSP, "record": True}


def test_a_null_is_an_option_not_declared() -> None:
    assert shown({"maxReaders": None, "record": True}) == {"record": True}


def test_the_name_is_no_option() -> None:
    assert "name" not in effective({"name": "x"}, {"name": ""}, NEWEST)


def test_the_defaults_are_not_changed() -> None:
    defaults = built_in_defaults(NEWEST)
    effective({"source": RTSP, "sourceProtocol": "tcp"}, defaults, NEWEST)
    assert defaults == built_in_defaults(NEWEST)


@pytest.mark.parametrize(
    ("version", "zero", "day"), [(Version(1, 10, 0), "0s", "24h0m0s"), (Version(1, 11, 0), "", "1d")], ids=str
)
def test_durations_are_printed_as_the_version_does(version: Version, zero: str, day: str) -> None:
    path = shown({"recordDeleteAfter": "0s", "recordSegmentDuration": "24h"}, version)
    assert path == {"recordDeleteAfter": zero, "recordSegmentDuration": day}


def test_structs_are_filled_with_what_the_version_has() -> None:
    options: dict[str, Json] = {"forward": [{"dest": "rtmp://h/x"}], "alwaysAvailableTracks": [{"codec": "H264"}]}
    track = {"codec": "H264", "sampleRate": 0, "channelCount": 0, "muLaw": False}
    full = {"dest": "rtmp://h/x", "destFingerprint": "", "whipBearerToken": ""}
    assert shown(options, Version(1, 20, 1)) == {"forward": [full], "alwaysAvailableTracks": [track]}
    assert shown(options, Version(1, 20, 0)) == {"forward": [{"dest": "rtmp://h/x"}], "alwaysAvailableTracks": [track]}


def test_networks_are_sorted_up_to_1_15() -> None:
    options: dict[str, Json] = {"readIPs": ["9.0.0.1", "10.1.2.3/8"]}
    assert shown(options, NEWEST) == {"readIPs": ["9.0.0.1/32", "10.0.0.0/8"]}
    assert shown(options, Version(1, 15, 6)) == {"readIPs": ["10.0.0.0/8", "9.0.0.1/32"]}


@pytest.mark.parametrize(
    ("options", "version", "expected"),
    [
        ({"source": RTSP, "sourceProtocol": "tcp"}, NEWEST, {"rtspTransport": "tcp"}),
        ({"source": RTSP, "sourceProtocol": "tcp", "rtspTransport": "udp"}, NEWEST, {"rtspTransport": "tcp"}),
        ({"sourceProtocol": "tcp"}, NEWEST, {}),
        ({"sourceProtocol": "tcp"}, Version(1, 10, 0), {"rtspTransport": "tcp"}),
        ({"source": RTSP, "sourceAnyPortEnable": True}, OLDEST, {"rtspAnyPort": True}),
        ({"disablePublisherOverride": True}, NEWEST, {"overridePublisher": False}),
        ({"source": RTSP, "disablePublisherOverride": True}, NEWEST, {}),
        ({"source": RTSP, "disablePublisherOverride": True}, OLDEST, {"overridePublisher": False}),
        ({"runOnReady": "x"}, NEWEST, {"runOnAvailable": "x"}),
        ({"runOnReady": "", "runOnAvailable": "x"}, NEWEST, {}),
        ({"runOnReady": "x"}, Version(1, 19, 2), {}),
        ({"source": "rpiCamera", "rpiCameraJPEGQuality": 5}, NEWEST, {"rpiCameraMJPEGQuality": 5}),
        ({"rpiCameraJPEGQuality": 5}, NEWEST, {}),
        ({"source": "rpiCamera", "rpiCameraProfile": "high"}, NEWEST, {"rpiCameraHardwareH264Profile": "high"}),
        ({"source": "rpiCamera", "rpiCameraLevel": "4.2"}, Version(1, 14, 0), {"rpiCameraHardwareH264Level": "4.2"}),
    ],
    ids=str,
)
def test_deprecated_options_overwrite_their_successors(
    options: dict[str, Json], version: Version, expected: dict[str, Json]
) -> None:
    declared_and_not_overwritten = {name: value for name, value in options.items() if name not in expected}
    result = {
        name: value for name, value in shown(options, version).items() if name not in declared_and_not_overwritten
    }
    assert result == expected


def test_a_deprecated_option_in_the_defaults_overwrites_every_paths() -> None:
    defaults = {**built_in_defaults(NEWEST), "runOnReady": "theirs"}
    assert effective({"runOnAvailable": "ours"}, defaults, NEWEST)["runOnAvailable"] == "theirs"


def test_a_value_that_cannot_be_read_is_left_as_it_is() -> None:
    assert shown({"recordDeleteAfter": "1w", "maxReaders": "x"}) == {"recordDeleteAfter": "1w", "maxReaders": "x"}


def test_an_option_the_table_does_not_know_is_left_as_it_is() -> None:
    assert effective({"holographic": [1.0]}, {"holographic": []}, NEWEST) == {"holographic": [1.0]}


def test_redacted_passwords_are_expected_redacted_and_differ_in_nothing() -> None:
    path = effective({"publishPass": "secret", "readPass": ""}, {}, NEWEST)
    assert path == {"publishPass": "<redacted>", "readPass": ""}
    assert differences({"publishPass": "secret"}, {"publishPass": "<redacted>"}) == ()
    assert differences({}, {"publishPass": "<redacted>"}) == ("publishPass",)


def test_differences_compare_numbers_as_numbers_and_nothing_else() -> None:
    assert (
        differences(
            {"rpiCameraGain": 1.0, "rpiCameraAWBGains": [1.0, 2]}, {"rpiCameraGain": 1, "rpiCameraAWBGains": [1, 2.0]}
        )
        == ()
    )
    assert differences({"record": True}, {"record": 1}) == ("record",)
    assert differences({"maxReaders": 1}, {"maxReaders": "1"}) == ("maxReaders",)


def test_differences_are_named_in_order_on_either_side() -> None:
    assert differences({"b": 1, "same": 2, "name": "x"}, {"a": 1, "same": 2, "name": "y"}) == ("a", "b")


def test_a_size_printed_anew_is_the_same_size() -> None:
    # 1.15 and older read back what they printed on every write: 1024K becomes 1M.
    assert differences({"recordMaxPartSize": "1024K"}, {"recordMaxPartSize": "1M"}) == ()
    assert differences({"recordMaxPartSize": "50M"}, {"recordMaxPartSize": "51M"}) == ("recordMaxPartSize",)


NETWORK = st.sampled_from(["10.0.0.1", "10.1.2.3/8", "::1", "fe80::1/10", "::ffff:1.2.3.4", "::ffff:10.1.1.1/104"])
VALUES: dict[Kind, st.SearchStrategy[Json]] = {
    Kind.STRING: st.text(),
    Kind.BOOL: st.booleans(),
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.UINT: st.integers(0, 2**64 - 1),
    Kind.FLOAT: st.one_of(st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False)),
    Kind.DURATION: st.one_of(
        st.integers(-(2**62), 2**62).map(lambda ns: format_duration(ns, OLDEST)),
        st.sampled_from(["90s", "1500ms", "2.5h", "0", "36h", "-5s", ".5s"]),
    ),
    # Sizes that round up to the next unit are told apart below.
    Kind.SIZE: st.one_of(
        st.integers(0, 1023).map(format_size), st.sampled_from(["50MB", "1500K", "1.95M", " 1 g ".replace(" ", "")])
    ),
    Kind.LIST_CIDR: st.lists(NETWORK, max_size=3).map(list),
    Kind.LIST_FLOAT: st.lists(st.floats(-5, 5), max_size=3).map(list),
    Kind.LIST_UINT: st.lists(st.integers(0, 70000), max_size=3).map(list),
    Kind.TRACKS: st.lists(
        st.fixed_dictionaries({"codec": st.sampled_from(["H264", "G711"])}, optional={"muLaw": st.booleans()}),
        max_size=2,
    ).map(lambda items: [dict(item) for item in items]),
    Kind.FORWARD: st.lists(st.fixed_dictionaries({"dest": st.just("rtmp://h/x")}), max_size=2).map(
        lambda items: [dict(item) for item in items]
    ),
}


def values(spec: OptionSpec) -> st.SearchStrategy[Json]:
    return st.sampled_from(spec.enum) if spec.enum else VALUES[spec.kind]


@st.composite
def declared(draw: st.DrawFn) -> tuple[dict[str, Json], Version]:
    version = draw(st.sampled_from(VERSIONS))
    names = draw(st.lists(st.sampled_from(sorted(accepted_names(version) - {"name"})), max_size=8, unique=True))
    options = {name: draw(values(option_table()[name])) for name in names}
    if "source" in options:
        options["source"] = draw(st.sampled_from([RTSP, "publisher", "rpiCamera", "redirect"]))
    return options, version


@given(declared())
def test_what_is_expected_of_what_is_expected_is_the_same(given_options: tuple[dict[str, Json], Version]) -> None:
    options, version = given_options
    defaults = built_in_defaults(version)
    once = effective(options, defaults, version)
    assert effective(once, defaults, version) == once
    assert differences(once, effective(options, defaults, version)) == ()


@given(declared())
def test_the_canonical_form_is_its_own_canonical_form(given_options: tuple[dict[str, Json], Version]) -> None:
    options, version = given_options
    for name, value in options.items():
        spec = option_table()[name]
        once = canonical(spec, value, version)
        assert canonical(spec, once, version) == once


@given(size=st.integers(0, 2**60), version=st.sampled_from(VERSIONS))
def test_a_size_never_loops_whatever_it_is_rounded_to(size: int, version: Version) -> None:
    spec = option_table()["recordMaxPartSize"]
    once = canonical(spec, f"{size}B", version)
    again = canonical(spec, once, version)
    assert differences({spec.name: once}, {spec.name: again}) == ()
    assert differences({spec.name: once}, {spec.name: canonical(spec, again, version)}) == ()
