"""Seeded synthetic data, written in the raw file formats of the real data sets.

A place is painted once (:mod:`landscape`), then observed by Sentinel-2 (:mod:`optical`), Sentinel-1
(:mod:`sar`) and an imperfect annotator (:mod:`label_noise`). :mod:`raw_trees` writes the
observations, and :mod:`data_set` runs over all places. Everything is a function of the seed.
Another sensor or data set is one more module that observes the same :class:`landscape.Place`.
"""
