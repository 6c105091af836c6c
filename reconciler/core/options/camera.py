"""The rules for Raspberry Pi cameras (`rpiCamera*`), which changed with nearly every release.

Source: `internal/conf/path.go` of all releases. Up to 1.10 the values were checked on every path, from 1.11 only where
`source` is `rpiCamera`.

Not guaranteed: what the camera itself takes.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from reconciler.core.options.version import Version
from reconciler.core.options.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.core.model import Json, Options

__all__ = ["BY_SOURCE_FROM", "check_camera", "check_cameras_together"]

BY_SOURCE_FROM = Version(1, 11, 0)
_SECONDARY_FROM = Version(1, 12, 0)
_H264_VARIANTS_FROM = Version(1, 14, 0)
_H264_COMMON_FROM = Version(1, 19, 2)
_MJPEG_SIZES_FROM = Version(1, 20, 1)
_MJPEG_LIMIT, _MJPEG_STEP = 2048, 8

_WORDS = {
    "rpiCameraExposure": ("normal", "short", "long", "custom"),
    "rpiCameraAWB": ("auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy", "custom"),
    "rpiCameraDenoise": ("off", "cdn_off", "cdn_fast", "cdn_hq"),
    "rpiCameraMetering": ("centre", "spot", "matrix", "custom"),
    "rpiCameraAfMode": ("auto", "manual", "continuous"),
    "rpiCameraAfRange": ("normal", "macro", "full"),
    "rpiCameraAfSpeed": ("normal", "fast"),
}
_PROFILES = ("baseline", "main", "high")
_LEVELS = ("4.0", "4.1", "4.2")
_VARIANTS = {
    "rpiCameraHardwareH264Profile": _PROFILES,
    "rpiCameraHardwareH264Level": _LEVELS,
    "rpiCameraSoftwareH264Profile": _PROFILES,
    "rpiCameraSoftwareH264Level": _LEVELS,
}
_COMMON = {"rpiCameraH264Profile": ("auto", *_PROFILES), "rpiCameraH264Level": _LEVELS}
_ENCODERS = ("auto", "hardwareH264", "softwareH264")
_GAINS = 2


def check_camera(path: Options, version: Version) -> Iterator[Violation]:
    """Yield what is wrong with the camera options of a resolved path, in the server's order."""
    if version >= _SECONDARY_FROM:
        for option in ("rpiCameraWidth", "rpiCameraHeight"):
            if path.get(option) == 0:
                yield Violation(option, "must be more than zero", f"invalid '{option}' value")
    if version >= _MJPEG_SIZES_FROM:
        yield from _check_mjpeg_sizes(path)
    for option, words in _words(version).items():
        value = path.get(option)
        # From 1.19.2 some are absent unless somebody has set them.
        if value is not None and value not in words:
            yield Violation(option, f"must be one of {', '.join(words)}", f"invalid '{option}' value")
        if option == "rpiCameraAWB":
            yield from _check_gains(path.get("rpiCameraAWBGains"))
    yield from _check_codec(path, version)


@cache
def _words(version: Version) -> Mapping[str, tuple[str, ...]]:
    variants = _VARIANTS if version >= _H264_VARIANTS_FROM else {}
    common = _COMMON if version >= _H264_COMMON_FROM else {}
    return {**_WORDS, **variants, **common}


def _check_gains(gains: Json) -> Iterator[Violation]:
    if isinstance(gains, list) and len(gains) != _GAINS:
        text = "invalid 'rpiCameraAWBGains' value"
        yield Violation("rpiCameraAWBGains", "must be two numbers: red and blue", text)


def _check_mjpeg_sizes(path: Options) -> Iterator[Violation]:
    codec = path.get("rpiCameraCodec")
    if codec != "mjpeg" and not (path.get("rpiCameraSecondary") and codec == "auto"):
        return
    for option in ("rpiCameraWidth", "rpiCameraHeight"):
        size = path.get(option)
        if isinstance(size, int) and (size >= _MJPEG_LIMIT or size % _MJPEG_STEP):
            fault = f"must be a multiple of {_MJPEG_STEP} and less than {_MJPEG_LIMIT} when using MJPEG"
            yield Violation(option, fault, f"'{option}' {fault}")


def _check_codec(path: Options, version: Version) -> Iterator[Violation]:
    codec = path.get("rpiCameraCodec")
    secondary = bool(path.get("rpiCameraSecondary"))
    words: tuple[str, ...] = _ENCODERS
    if version >= _H264_COMMON_FROM:
        words = (*_ENCODERS, "mjpeg")
        text = f"supported codecs for a RPI Camera stream are {', '.join(words)}"
    elif version >= _SECONDARY_FROM:
        words = ("auto", "mjpeg") if secondary else _ENCODERS
        rank = "secondary" if secondary else "primary"
        text = f"supported codecs for a {rank} RPI Camera stream are {', '.join(words)}"
    else:
        text = "invalid 'rpiCameraCodec' value"
    if codec is not None and codec not in words:
        yield Violation("rpiCameraCodec", f"must be one of {', '.join(words)}", text)


def check_cameras_together(paths: Mapping[str, Options], version: Version) -> Iterator[tuple[str, Violation]]:
    """Yield paths that want a camera another has, and secondary streams without, or with too little, of a primary."""
    primaries: dict[int, list[str]] = defaultdict(list)
    secondaries: list[tuple[str, int]] = []
    for name in sorted(name for name, path in paths.items() if path.get("source") == "rpiCamera"):
        given = paths[name].get("rpiCameraCamID")
        camera = given if isinstance(given, int) else 0
        if version >= _SECONDARY_FROM and paths[name].get("rpiCameraSecondary"):
            secondaries.append((name, camera))
        else:
            primaries[camera].append(name)
    for camera, names in primaries.items():
        for name in names if len(names) > 1 else ():
            # Up to 1.10 a path was checked against those before it in the order of names, then against all.
            other = next(n for n in names if n != name)
            if version < BY_SOURCE_FROM and name == names[0]:
                continue
            message = f"camera {camera} is already the source of {other!r}: one path a camera"
            text = f"'rpiCamera' with same camera ID {camera} is used as source in two paths, '{name}' and '{other}'"
            yield name, Violation("rpiCameraCamID", message, text)
    taken: set[int] = set()
    for name, camera in secondaries:
        if camera not in primaries:
            message = f"there is no path with the primary stream of camera {camera}: declare it"
            text = "cannot find a primary RPI Camera stream to associate with the secondary stream"
            yield name, Violation("rpiCameraSecondary", message, text)
        elif camera in taken:
            message = f"camera {camera} already has a secondary stream"
            text = "a primary RPI Camera stream is associated with multiple secondary streams"
            yield name, Violation("rpiCameraSecondary", message, text)
        taken.add(camera)
