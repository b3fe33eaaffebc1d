"""Creating a store: runner, shards, statistics, summary."""
