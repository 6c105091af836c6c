"""Keeps the paths of a MediaMTX server equal to the cameras of `streams.yaml`."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
