"""Order statistics of many groups at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# dtype: integer of the same width, and (shift, bits) of each digit of the numbers in [0, 1],
# the highest first. The pattern of 1.0 has 30 and 62 significant bits.
_DIGITS = {
    torch.float32: (torch.int32, ((15, 15), (0, 15))),
    torch.float64: (torch.int64, ((47, 15), (32, 15), (16, 16), (0, 16))),
}


def kth_largest_per_group(
    values: Tensor,
    groups: Tensor,
    num_groups: int,
    rank: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """The exact k-th largest value of each group, all groups at once.

    A radix selection: the bit patterns of floats >= 0 are ordered as the floats are, so a histogram
    per group of the highest digit of the patterns says in which bin the k-th largest lies, one of
    the next digit within that bin narrows it down, and so on until no bits are left. Every tensor
    has a size known beforehand: nothing waits for the device.

    Args:
        values: Any shape, float32 or float64, in [0, 1].
        groups: Same shape, int64 in 0..num_groups-1.
        num_groups: Number of groups G.
        rank: Makes k (G,), int64 in 0..n, of the groups' sizes n (G,).

    Returns:
        The k-th largest values (G,), where k is 0 a number without meaning, and k (G,).
    """
    integer, digits = _DIGITS[values.dtype]
    patterns = values.contiguous().view(integer).flatten()
    groups = groups.flatten()
    one = torch.ones((), dtype=torch.int64, device=values.device).expand(len(groups))
    prefix = torch.zeros(num_groups, dtype=torch.int64, device=values.device)
    k = below = None
    for shift, bits in digits:
        bins = 1 << bits
        higher = patterns >> shift  # all digits up to this one
        index = (groups << bits) + (higher & (bins - 1))
        if k is not None:  # one more bin takes what is out of the running
            index = torch.where(
                (higher >> bits) == prefix[groups], index, torch.full_like(index, num_groups * bins)
            )
        counts = torch.zeros(num_groups * bins + 1, dtype=torch.int64, device=values.device)
        counts = counts.scatter_add_(0, index, one)[:-1].view(num_groups, bins).cumsum(dim=1)
        if k is None:
            k = rank(counts[:, -1])
            below = counts[:, -1] - k  # how many of the group are smaller
        digit = (counts <= below[:, None]).sum(dim=1, keepdim=True).clamp_(max=bins - 1)
        smaller = torch.where(digit > 0, counts.gather(1, (digit - 1).clamp_min(0)), 0)
        below = below - smaller[:, 0]
        prefix = (prefix << bits) | digit[:, 0]
    return prefix.to(integer).view(values.dtype), k
