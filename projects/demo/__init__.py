"""The demonstration: from a synthetic world to a page of results, by the ordinary commands."""
