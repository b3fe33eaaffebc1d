"""Fetching patches of an area on the map from STAC catalogues."""
