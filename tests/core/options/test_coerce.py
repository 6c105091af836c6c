"""What people write in YAML, as the JSON that MediaMTX takes; or one sentence that says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.core.options.coerce import coerce
from reconciler.core.options.rules import check_types
from reconciler.core.options.table import option_table
from reconciler.core.options.version import NEWEST

if TYPE_CHECKING:
    from reconciler.core.model import Json

TAKEN: list[tuple[str, Json, Json]] = [
    ("record", "yes", True),
    ("record", "off", False),
    ("record", "True", True),
    ("record", False, False),
    ("maxReaders", 10, 10),
    ("maxReaders", 3.0, 3),
    ("rpiCameraBrightness", 1, 1),
    ("rpiCameraBrightness", 0.5, 0.5),
    ("recordDeleteAfter", 0, "0s"),
    ("recordDeleteAfter", "", "0s"),
    ("recordDeleteAfter", "7d", "7d"),
    ("recordMaxPartSize", "50M", "50M"),
    ("rtspTransport", "tcp", "tcp"),
    ("rpiCameraDenoise", "off", "off"),
    ("source", "publisher", "publisher"),
    ("readIPs", ["10.0.0.1", "fe80::/10"], ["10.0.0.1", "fe80::/10"]),
    ("rpiCameraAWBGains", [1, 2.5], [1, 2.5]),
    ("rtspUDPSourcePortRange", [5000.0, 6000], [5000, 6000]),
    ("alwaysAvailableTracks", [{"codec": "G711", "muLaw": "yes"}], [{"codec": "G711", "muLaw": True}]),
    ("alwaysAvailableTracks", [{"codec": "H264", "sampleRate": None}], [{"codec": "H264"}]),
    ("forward", [{"dest": "rtmp://h/x"}], [{"dest": "rtmp://h/x"}]),
    ("maxReaders", None, None),
]
REFUSED: list[tuple[str, Json, str]] = [
    ("record", "maybe", "must be yes or no, not 'maybe'"),
    ("record", 1, "must be yes or no, not 1"),
    ("maxReaders", "3", "must be a whole number, not '3'"),
    ("maxReaders", 2.5, "must be a whole number, not 2.5"),
    ("maxReaders", True, "must be a whole number, not True"),
    ("rpiCameraWidth", -1, "must be zero or more, not -1"),
    ("rpiCameraBrightness", "0.5", "must be a number, not '0.5'"),
    ("rpiCameraBrightness", float("nan"), "must be a finite number"),
    ("rpiCameraBrightness", float("inf"), "must be a finite number"),
    ("recordDeleteAfter", 10, "needs a unit: 10s, 10m, 10h or 10d"),
    ("recordDeleteAfter", "10", "must be a duration like 10s, 1h30m or 7d, not '10'"),
    ("recordDeleteAfter", ["1h"], "must be a duration like 10s, 1h30m or 7d"),
    ("recordMaxPartSize", 50, "needs a unit: 50B, 50K, 50M or 50G"),
    ("recordMaxPartSize", "50 M", "must be a size like 50M or 1.5G, not '50 M'"),
    ("rtspTransport", "TCP", "must be one of 'automatic', 'udp', 'multicast', 'tcp', not 'TCP'"),
    ("rtspTransport", True, "must be text, and YAML reads this as true or false: put it in quotes"),
    ("rpiCameraH264Level", 4.1, "must be text, and YAML reads this as a number: put it in quotes"),
    ("source", ["x"], "must be text, not a list"),
    ("source", {"x": 1}, "must be text, not a mapping"),
    ("readIPs", "10.0.0.1", "must be a list of addresses or networks"),
    ("readIPs", ["10.0.0"], "'10.0.0' is not an address or a network like 10.0.0.0/8"),
    ("rpiCameraAWBGains", "1,2", "must be a list of numbers"),
    ("rtspUDPSourcePortRange", [-1], "must be zero or more, not -1"),
    ("alwaysAvailableTracks", ["H264"], "each item must be a mapping of codec, sampleRate, channelCount, muLaw"),
    ("alwaysAvailableTracks", [{"codec": 1}], "codec must be text, and YAML reads this as a number: put it in quotes"),
    ("forward", [{"dset": "x"}], "unknown key 'dset' in an item: known are dest, destFingerprint, whipBearerToken"),
]


@pytest.mark.parametrize(("option", "value", "expected"), TAKEN, ids=str)
def test_what_is_meant_clearly_is_converted(option: str, value: Json, expected: Json) -> None:
    result = coerce(option_table()[option], value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(("option", "value", "message"), REFUSED, ids=str)
def test_what_is_not_is_refused_with_the_way_out(option: str, value: Json, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        coerce(option_table()[option], value)
    assert str(refused.value) == message


@pytest.mark.parametrize("value", [5, 12345678901, True, ["hunter2hunter2"], {"hunter2hunter2": 1}], ids=str)
@pytest.mark.parametrize("option", [spec.name for spec in option_table().values() if spec.secret])
def test_the_value_of_a_secret_option_is_not_repeated(option: str, value: Json) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        coerce(option_table()[option], value)
    assert "hunter2" not in str(refused.value)
    assert "123456" not in str(refused.value)


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, value, _ in TAKEN], ids=str)
def test_what_comes_out_can_be_decoded_by_the_server(option: str, value: Json) -> None:
    faults = [fault.message for fault in check_types({option: coerce(option_table()[option], value)}, NEWEST)]
    # Some tracks need more than a codec; that is for the rules to say.
    assert [fault for fault in faults if "mandatory" not in fault] == []
