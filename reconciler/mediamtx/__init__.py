"""Everything that talks like the server: client, wire forms, simulator."""
