"""Whether Sentinel-2 images carry the +1000 offset of processing baseline 04.00, by B10.

B10 shows cirrus, high above the ground, and is nearly dark where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmss_plugins.bands import S2

HIGH = 500  # mean of B10 above which an L1C image probably carries the offset
SHOWN = 5  # images named in a warning


def mean_cirrus(name: str, image: np.ndarray, bands: Sequence[str] = S2.bands) -> dict[str, float]:
    """Mean of B10 of a Sentinel-2 image in raw integers.

    Args:
        name: Of the image.
        image: (len(bands), H, W), reflectance x 10000 or of any other form.
        bands: Names of its bands.

    Returns:
        The mean under ``name``; nothing if the image is no raw integers, or has no B10.
    """
    if image.dtype not in (np.uint16, np.int16) or 'B10' not in bands:
        return {}
    return {name: float(image[list(bands).index('B10')].mean())}


@dataclass
class CirrusCheck:
    """Counts the images whose B10 is too bright.

    Args:
        checked: Number of images looked at.
        high: Names of those too bright.
    """

    checked: int = 0
    high: list[str] = field(default_factory=list)

    def add(self, means: Mapping[str, float]) -> None:
        """Count images, given by :func:`mean_cirrus`."""
        self.checked += len(means)
        self.high += [name for name, mean in means.items() if mean > HIGH]

    def warnings(self, offset: int = 0, unchecked: int = 0) -> list[str]:
        """Warnings for the user.

        Args:
            offset: What was subtracted before the check.
            unchecked: Samples of the store whose raw values were not checked.
        """
        texts = []
        if self.high:
            names = ', '.join(self.high[:SHOWN]) + (', ...' if len(self.high) > SHOWN else '')
            advice = (
                f'expected so with clouds only, for {offset} is subtracted already'
                if offset
                else 'they seem to carry the +1000 offset of processing baseline 04.00; if so, '
                'prepare the store again with --s2-offset 1000 --overwrite'
            )
            texts.append(
                f's2 B10 averages above {HIGH} in {len(self.high)} of {self.checked} images '
                f'({names}): {advice}'
            )
        if unchecked:
            texts.append(
                f's2 B10 was not checked for the +1000 offset in {unchecked} samples: they were '
                'quantised to 8 bits by an earlier run'
            )
        return texts
