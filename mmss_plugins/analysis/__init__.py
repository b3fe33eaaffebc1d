"""Studies of what the methods do: label noise, ablations."""
