"""HTTP: metrics, health, the read part of the REST API."""
