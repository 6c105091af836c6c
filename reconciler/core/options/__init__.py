"""MediaMTX's path options as data: which exist in which version, how they are printed, what the server refuses."""
