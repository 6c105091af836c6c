"""A double of MediaMTX's Control API, versions 1.9 to 1.20.1."""
