"""A seeded synthetic world, written in the raw file formats of the real data sets.

A place is painted once (:mod:`landscape`), then seen by Sentinel-2 (:mod:`optics`), Sentinel-1
(:mod:`radar`) and an imperfect annotator (:mod:`label_noise`); :mod:`raw_trees` writes what they
saw and :mod:`world` runs over all places. Everything is a function of the seed. Another sensor or
data set is one more module beside these that looks at the same :class:`landscape.Place`.
"""
