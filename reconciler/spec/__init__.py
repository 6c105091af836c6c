"""streams.yaml -> Desired: loader with positions, schema, secrets, defaults and profiles."""
