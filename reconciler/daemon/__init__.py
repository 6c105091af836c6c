"""The running loop and the composition root."""
