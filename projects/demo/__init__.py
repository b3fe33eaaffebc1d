"""The demo: from synthetic data to a page of results, with the ordinary commands."""
