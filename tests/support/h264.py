"""An H.264 sample, cut into the RTP payloads in which a camera sends it (RFC 6184: single NAL units and FU-A)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLOCK", "FRAMES_A_SECOND", "Sample", "read_sample"]

FRAMES_A_SECOND = 10
CLOCK = 90_000

_FILE = Path(__file__).parent.parent / "data" / "sample.h264"
_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_LONGEST_PAYLOAD = 1400
_SPS, _PPS, _FU_A = 7, 8, 28
_SLICES = frozenset({1, 5})


@dataclass(frozen=True, slots=True)
class Sample:
    """A few seconds of video: for each frame its RTP payloads, and how SDP describes it."""

    frames: tuple[tuple[bytes, ...], ...]
    format: str


def read_sample() -> Sample:
    """Read the sample of the repository: 320x240, ten frames a second, four seconds, a key frame each second."""
    units = [unit for unit in _START_CODE.split(_FILE.read_bytes()) if unit]
    sps = next(unit for unit in units if _kind(unit) == _SPS)
    pps = next(unit for unit in units if _kind(unit) == _PPS)
    parameters = ",".join(base64.b64encode(unit).decode() for unit in (sps, pps))
    return Sample(
        frames=tuple(tuple(part for unit in frame for part in _payloads(unit)) for frame in _frames(units)),
        format=f"packetization-mode=1;profile-level-id={sps[1:4].hex()};sprop-parameter-sets={parameters}",
    )


def _kind(unit: bytes) -> int:
    return unit[0] & 31


def _frames(units: list[bytes]) -> list[list[bytes]]:
    """Group NAL units by frame; the sample has one slice a frame, so each slice ends one."""
    frames: list[list[bytes]] = [[]]
    for unit in units:
        frames[-1].append(unit)
        if _kind(unit) in _SLICES:
            frames.append([])
    return [frame for frame in frames if frame]


def _payloads(unit: bytes) -> list[bytes]:
    if len(unit) <= _LONGEST_PAYLOAD:
        return [unit]
    step = _LONGEST_PAYLOAD - 2
    pieces = [unit[start : start + step] for start in range(1, len(unit), step)]
    payloads = []
    for number, piece in enumerate(pieces):
        first = 0x80 if number == 0 else 0
        last = 0x40 if number == len(pieces) - 1 else 0
        payloads.append(bytes([(unit[0] & 0x60) | _FU_A, first | last | _kind(unit)]) + piece)
    return payloads
