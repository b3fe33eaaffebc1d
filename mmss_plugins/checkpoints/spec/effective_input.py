"""What a data preprocessor makes of a data set's values, in a form that can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from mmss_plugins.checkpoints.spec.input_specification import InputSpecificationError
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.models.data_preprocessors.multi_band_seg_data_preprocessor import UINT8_MAX

_SWAPS = ('channel_conversion', '_channel_conversion', 'to_rgb')  # of MM's data preprocessors


@dataclass(frozen=True)
class EffectiveInput:
    """Bands and values as the network gets them, whichever part of the code brings them there.

    Args:
        undivided: Whether 8-bit images reach the network in 0..255.
        mean: Per channel, what is subtracted, of 8-bit images after a division by 255; None where
            nothing is subtracted and nothing divided by.
        std: Per channel, what is divided by after that.
        swapped: Whether three bands are turned round before.
    """

    undivided: bool
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    swapped: bool


def effective_input(
    preprocessor: nn.Module | None, channels: int, eight_bit: bool
) -> EffectiveInput:
    """Describe what a data preprocessor does.

    Statistics of 8-bit images that are not divided by 255 become those after that division, which
    are the same to the network: (x - 255 m) / (255 s) is (x / 255 - m) / s.

    Args:
        preprocessor: The model's; one that is not ours is taken to do what MM's do.
        channels: Of the images.
        eight_bit: Whether they are 8-bit.

    Raises:
        InputSpecificationError: If its statistics are of another number of bands.
    """
    mean, std = _unless_idle(*_statistics(preprocessor, channels))
    divided = not eight_bit or isinstance(preprocessor, MultiBandSegDataPreProcessor)
    if not divided and mean is not None and std is not None:
        divided = True
        mean, std = (tuple(_rounded(v / UINT8_MAX) for v in values) for values in (mean, std))
        mean, std = _unless_idle(mean, std)
    swapped = channels == 3 and any(getattr(preprocessor, name, False) for name in _SWAPS)
    return EffectiveInput(not divided, mean, std, swapped)


def _unless_idle(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    return (mean, std) if any(mean) or set(std) != {1.0} else (None, None)


def _statistics(
    preprocessor: nn.Module | None, channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the data preprocessor subtracts and divides by, one number per channel."""
    found = []
    for name, idle in (('mean', 0.0), ('std', 1.0)):
        values = getattr(preprocessor, name, None)
        if values is None:
            found.append((idle,) * channels)
            continue
        numbers = [_rounded(value) for value in values.flatten().tolist()]
        if len(numbers) not in (1, channels):
            raise InputSpecificationError(
                f"the data preprocessor's {name} has {len(numbers)} values, but the data set gives "
                f'{channels} channels: give one per channel'
            )
        found.append(tuple(numbers * channels if len(numbers) == 1 else numbers))
    return found[0], found[1]


def _rounded(value: float) -> float:
    """To float32's digits, so that statistics read as they were written."""
    return float(f'{value:.7g}')
