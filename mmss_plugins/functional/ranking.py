"""Order statistics of many groups at once."""

from __future__ import annotations

import torch
from torch import Tensor

# dtype: integer of the same width, and (shift, bits) of each digit of the numbers in [0, 1],
# the highest first. The pattern of 1.0 has 30 and 62 significant bits.
_DIGITS = {
    torch.float32: (torch.int32, ((15, 15), (0, 15))),
    torch.float64: (torch.int64, ((47, 15), (32, 15), (16, 16), (0, 16))),
}


def group_sizes(groups: Tensor, num_groups: int) -> Tensor:
    """How many elements each group has, without waiting for the device.

    Args:
        groups: Any shape, int32 in 0..num_groups-1.
        num_groups: G.

    Returns:
        (G,), int64.
    """
    sizes = torch.zeros(num_groups, dtype=torch.int64, device=groups.device)
    one = torch.ones((), dtype=torch.int64, device=groups.device)
    return sizes.index_add_(0, groups.flatten(), one.expand(groups.numel()))


def kth_largest_per_group(values: Tensor, groups: Tensor, sizes: Tensor, k: Tensor) -> Tensor:
    """The exact k-th largest value of each group, all groups at once.

    A radix selection: the bit patterns of floats >= 0 are ordered as the floats are, so a histogram
    per group of the highest digit of the patterns says in which bin the k-th largest lies, one of
    the next digit within that bin narrows it down, and so on until no bits are left. Every tensor
    has a size known beforehand: nothing waits for the device.

    Args:
        values: Any shape, float32 or float64, in [0, 1].
        groups: Same shape, int32 in 0..G-1.
        sizes: (G,), see :func:`group_sizes`.
        k: (G,), int64 in 0..sizes.

    Returns:
        (G,); where k is 0 a number without meaning.
    """
    integer, digits = _DIGITS[values.dtype]
    patterns = values.contiguous().view(integer).flatten()
    groups = groups.flatten()
    smaller = (sizes - k)[:, None]  # how many of the candidates are to be below the answer
    prefix = torch.zeros_like(smaller, dtype=integer)  # digits of the answer that are known
    for shift, bits in digits:
        bins = 1 << bits
        upto = patterns >> shift
        candidates = (upto >> bits) == prefix[:, 0].index_select(0, groups)
        bin_index = (upto & (bins - 1)).int().add_(groups, alpha=bins)
        counts = torch.zeros(len(k) * bins, dtype=torch.int32, device=values.device)
        counts.index_add_(0, bin_index, candidates.int())
        upto_bin = counts.view(-1, bins).cumsum(dim=1)
        digit = torch.searchsorted(upto_bin, smaller, right=True).clamp_(max=bins - 1)
        smaller = smaller - upto_bin.gather(1, (digit - 1).clamp_min(0)) * (digit > 0)
        prefix = (prefix << bits) | digit.to(integer)
    return prefix[:, 0].contiguous().view(values.dtype)
