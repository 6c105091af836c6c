"""streams.yaml -> Desired: loader with positions, schema, secrets, defaults and profiles."""

from __future__ import annotations

from reconciler.spec.load import Loaded, load, load_document, read_settings
from reconciler.spec.schema import json_schema
from reconciler.spec.secrets import Secrets, SystemSecrets

__all__ = ["Loaded", "Secrets", "SystemSecrets", "json_schema", "load", "load_document", "read_settings"]
