"""Aerial scenes in the raw layouts of Potsdam and LoveDA.

A :class:`scene.Scene` is ground and the objects on it, distinguished by their height;
:mod:`light` makes an image of it. Painters (:mod:`streets`, :mod:`roofs`, :mod:`trees`,
:mod:`cars`, :mod:`clutter`) draw things in metres, :mod:`quarters` and :mod:`country` compose them
to places, and :mod:`potsdam` and :mod:`loveda` write what one sees of these.
"""
