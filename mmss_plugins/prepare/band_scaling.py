"""How images of any type become a store's values: as they are, or scaled to 8 bits per band."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins.bands import EIGHT_BIT, FILE_VALUE
from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.fields import band_field
from mmss_plugins.store.normalisation import CLIP_STDS, clip8
from mmss_plugins.store.reader import StoreError, StoreReader
from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import ordered_map

SAMPLED = 200  # patches that are measured, evenly spaced over all
PIXELS = 4096  # of each
DIGITS = 6  # of limits and statistics
AUTO, KEEP, PERCENTILES = 'auto', 'keep', 'percentiles'
LEVELS = 255
Values = list[tuple[float, float]]


@dataclass(frozen=True)
class ScaleChoice:
    """What the user wants.

    Args:
        kind: 'auto' (8-bit images are kept, others scaled by percentiles), 'keep', 'percentiles'
            or 'range'.
        limits: Of 'range': low and high, for all bands together or for each band.
    """

    kind: str = AUTO
    limits: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Scaling:
    """What is done to the values of the bands, and their statistics.

    Args:
        text: In words, for the description of the store.
        low: Value that becomes 0, per band; empty if values are kept.
        high: Value that becomes 255, per band.
        mean: Of the measured physical values, per band; empty if nothing was measured.
        std: Their standard deviation.
    """

    text: str
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(C, H, W) physical values to stored ones; uint8 if they are scaled."""
        if not self.low:
            return image
        low, high = np.array(self.low), np.array(self.high)
        return clip8(image, (low + high) / 2, (high - low) / (2 * CLIP_STDS))

    def field(self, bands: Sequence[str], dtype: np.dtype) -> dict[str, Any]:
        """The description of an image field, with the scale that undoes the scaling."""
        kept = dtype == np.uint8 and not self.low
        spec = band_field(bands, dtype, EIGHT_BIT if kept else FILE_VALUE)
        if not self.low:
            return spec
        gain = [(high - low) / LEVELS for low, high in zip(self.low, self.high, strict=True)]
        return {**spec, 'scale': 'linear', 'gain': gain, 'offset': list(self.low)}

    @property
    def statistics(self) -> dict[str, Any]:
        """Mean and standard deviation per band, for the store's information."""
        return {'mean': list(self.mean), 'std': list(self.std), 'scaling': self.text}


def parse_scale(text: str) -> ScaleChoice:
    """``auto``, ``keep``, ``percentiles``, ``low,high`` or a store, as a type of argparse.

    Limits of each band have ';' between them.
    """
    if text in (AUTO, KEEP, PERCENTILES):
        return ScaleChoice(text)
    if Path(text).is_dir():
        return _scale_of(Path(text))
    try:
        pairs = [part.split(',') for part in text.split(';')]
        limits = tuple((float(low), float(high)) for low, high in pairs)
        good = all(np.isfinite(pair).all() and pair[0] < pair[1] for pair in limits)
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(
            'expected auto, keep, percentiles, a store, or LOW,HIGH (of each band: '
            f'"0,3000;0,4000"), but got {text!r}'
        )
    return ScaleChoice('range', limits)


def _scale_of(store: Path) -> ScaleChoice:
    """The scaling of a store that is there."""
    try:
        with StoreReader(store) as reader:
            spec = reader.meta.fields.get('image')
    except StoreError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if spec is None or spec['scale'] != 'linear':
        raise argparse.ArgumentTypeError(
            f'{store}: expected a store of scaled images, but its images are kept as they were'
            if spec
            else f'{store}: expected a store with a field image'
        )
    pairs = zip(spec['offset'], spec['gain'], strict=True)
    return ScaleChoice('range', tuple((low, low + LEVELS * gain) for low, gain in pairs))


def add_scale_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --scale and --percentiles."""
    parser.add_argument(
        '--scale',
        type=parse_scale,
        default=ScaleChoice(),
        metavar='HOW',
        help='keep: store values as they are; percentiles: scale each band to 8 bits between its '
        'percentiles over all images; LOW,HIGH: scale to 8 bits between these values, or of each '
        'band "LOW,HIGH;LOW,HIGH;..."; STORE.lmdb: as that store is scaled; auto: keep 8-bit '
        'images, percentiles for others (default: auto). Limits are written into the store',
    )
    parser.add_argument(
        '--percentiles',
        nargs=2,
        type=float,
        default=(1.0, 99.0),
        metavar=('LOW', 'HIGH'),
        help='for --scale percentiles (default: 1 99)',
    )


def measure(
    tasks: Sequence[Any],
    read: Callable[[Any], tuple[np.ndarray, np.ndarray]],
    choice: ScaleChoice,
    percentiles: tuple[float, float],
    workers: int,
) -> Scaling:
    """Look at some patches, the same ones in each run, and decide the scaling.

    Args:
        tasks: All patches.
        read: Picklable function from a task to physical values (C, H, W) and where they are valid
            (H, W); raises RasterError.
        choice: What the user wants.
        percentiles: For scaling by percentiles.
        workers: Number of processes.

    Raises:
        PrepareUsageError: If no patch can be read, or the limits are not one pair per band.
    """
    chosen = [tasks[i] for i in sorted({*np.linspace(0, len(tasks) - 1, SAMPLED, dtype=int)})]
    samples, title, dtype = [], 'measuring', None
    with ProgressReport(title, len(chosen)) as progress:
        for _, pixels in ordered_map(partial(_pixels, read), chosen, workers):
            if pixels is not None and pixels.size:
                samples.append(pixels)
            progress.step()
    if not samples:
        raise PrepareUsageError('no image with data can be read: nothing to prepare')
    dtype = samples[0].dtype
    values = np.concatenate([pixels.astype(np.float64) for pixels in samples], axis=1)
    mean, std = (_rounded(numbers) for numbers in (values.mean(axis=1), values.std(axis=1)))
    kind = choice.kind
    if kind == AUTO:
        kind = KEEP if dtype == np.uint8 else PERCENTILES
    if kind == KEEP:
        return Scaling('values as in the files', mean=mean, std=std)
    if kind == PERCENTILES:
        low, high = (_rounded(row) for row in np.percentile(values, percentiles, axis=1))
        high = tuple(max(h, low[i] + 1) if h <= low[i] else h for i, h in enumerate(high))
        text = (
            f'percentiles {percentiles[0]:g} and {percentiles[1]:g} of {len(samples)} patches, '
            'per band, become 0 and 255'
        )
        return Scaling(text, low, high, mean, std)
    limits = choice.limits * len(values) if len(choice.limits) == 1 else choice.limits
    if len(limits) != len(values):
        raise PrepareUsageError(
            f'--scale gives limits of {len(limits)} bands, but the images have {len(values)}'
        )
    low, high = zip(*limits, strict=True)
    return Scaling('given limits become 0 and 255', low, high, mean, std)


def _pixels(read: Callable[[Any], tuple[np.ndarray, np.ndarray]], task: Any) -> np.ndarray | None:
    """(C, n) evenly spaced valid pixels of a patch; None if it cannot be read."""
    try:
        image, valid = read(task)
    except RasterError:
        return None  # reported when the store is made
    pixels = image[:, valid]
    return np.ascontiguousarray(pixels[:, :: max(1, pixels.shape[1] // PIXELS)])


def _rounded(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f'{number:.{DIGITS}g}') for number in numbers)
