"""RGB images of multi-band images and label maps, as pure NumPy functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmss_plugins.bands import SENSORS, sensor_statistics
from mmss_plugins.store.normalisation import decode_clip8

TRUE_COLOUR = ('s2.B4', 's2.B3', 's2.B2')
SAR = ('s1.VV', 's1.VH')
STRETCH_PERCENTILES = (1.0, 99.0)


def stretch(
    image: np.ndarray, percentiles: tuple[float, float] = STRETCH_PERCENTILES
) -> np.ndarray:
    """Stretch an (H, W, C) image linearly between two percentiles over all channels to uint8."""
    image = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = np.percentile(image, percentiles)
    scaled = (image - low) / max(high - low, 1e-6)
    return (np.clip(scaled, 0, 1) * 255).round().astype(np.uint8)


def _planes(image: np.ndarray, channels: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """The wanted channels (C, H, W); 8-bit encoded ones in physical units, for natural colours."""
    planes = image[[list(channels).index(name) for name in wanted]]
    if image.dtype != np.uint8:
        return np.asarray(planes, dtype=np.float32)
    sensor = SENSORS[wanted[0].split('.')[0]]
    return decode_clip8(planes, *sensor_statistics(sensor, [n.split('.')[1] for n in wanted]))


def composites(image: np.ndarray, channels: Sequence[str] | None = None) -> list[np.ndarray]:
    """The RGB images that the channels of an image allow.

    Args:
        image: (C, H, W), any scale; uint8 is read as encoded by 'clip8'.
        channels: Channel names such as 's2.B4'; without them the first three are shown.

    Returns:
        (H, W, 3) uint8 arrays: true colour where red, green and blue are there; VV, VH and their
        difference where SAR is; otherwise the first channels.
    """
    channels = list(channels or ())
    images = []
    if set(TRUE_COLOUR) <= set(channels):
        images.append(stretch(_planes(image, channels, TRUE_COLOUR).transpose(1, 2, 0)))
    if set(SAR) <= set(channels):
        vv, vh = _planes(image, channels, SAR)
        planes = [stretch(plane[..., None]) for plane in (vv, vh, vv - vh)]
        images.append(np.concatenate(planes, axis=-1))
    if not images:
        planes = [image[min(i, image.shape[0] - 1)] for i in range(3)]
        images.append(stretch(np.stack(planes, axis=-1)))
    return images


def colour_map(
    labels: np.ndarray, palette: Sequence[Sequence[int]], ignore_colour: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Paint a label map.

    Args:
        labels: (H, W) class indices; what the palette does not cover is painted as ignored.
        palette: One RGB triple per class.
        ignore_colour: RGB of all other values.

    Returns:
        (H, W, 3) uint8.
    """
    table = np.full((256, 3), ignore_colour, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table[np.clip(labels, 0, 255)]


def panel(images: Sequence[np.ndarray], gap: int = 4) -> np.ndarray:
    """Place images of one height side by side on white, ``gap`` pixels apart."""
    height = images[0].shape[0]
    space = np.full((height, gap, 3), 255, dtype=np.uint8)
    parts = [part for image in images for part in (image, space)][:-1]
    return np.concatenate(parts, axis=1)
