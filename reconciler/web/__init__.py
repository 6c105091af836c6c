"""HTTP: metrics, health, the read part of the REST API."""

from __future__ import annotations

from reconciler.web.app import create_app
from reconciler.web.metrics import Metrics
from reconciler.web.server import WebServer

__all__ = ["Metrics", "WebServer", "create_app"]
