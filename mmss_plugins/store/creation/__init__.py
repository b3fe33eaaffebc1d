"""Making a store: runner, shards, statistics, summary."""
