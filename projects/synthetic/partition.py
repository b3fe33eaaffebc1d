"""Cutting land into blocks and parcels, as owners and planners do."""

from __future__ import annotations

import numpy as np


def split_land(
    rng: np.random.Generator,
    shape: tuple[int, int],
    area: float,
    angle: float,
    jitter: float = 0.12,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a rectangle of land again and again, nearly along or across one direction.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        area: Typical area of a piece, in pixels.
        angle: The main direction, in radians.
        jitter: Standard deviation of a cut's direction about the main one, in radians.

    Returns:
        The piece of each pixel, (H, W) int32 from 0, and the direction of each piece, (pieces,).
    """
    rows, cols = (axis.ravel().astype(np.float32) for axis in np.indices(shape))
    pieces = np.zeros(rows.size, np.int32)
    angles: list[float] = []
    pending = [(np.arange(rows.size), angle)]
    while pending:
        pixels, direction = pending.pop()
        if pixels.size < area * rng.uniform(0.7, 2.2):
            pieces[pixels] = len(angles)
            angles.append(direction)
            continue
        y, x = rows[pixels], cols[pixels]
        along = x * np.cos(direction) + y * np.sin(direction)
        across = y * np.cos(direction) - x * np.sin(direction)
        cut_across = np.ptp(along) * rng.uniform(0.75, 1.3) > np.ptp(across)
        turn = direction + rng.normal(0, jitter)
        if cut_across:
            position = x * np.cos(turn) + y * np.sin(turn)
        else:
            position = y * np.cos(turn) - x * np.sin(turn)
        low, high = position.min(), position.max()
        first = position < low + (high - low) * rng.uniform(0.3, 0.7)
        pending.append((pixels[first], turn))
        pending.append((pixels[~first], turn))
    return pieces.reshape(shape), np.array(angles, np.float32)


def strips(
    pieces: np.ndarray, angles: np.ndarray, width: np.ndarray, length: np.ndarray
) -> np.ndarray:
    """Cut every piece into rectangles aligned with its own direction.

    Args:
        pieces: (H, W) integers, as from :func:`split_land`.
        angles: Direction of each piece, in radians.
        width: Width of the rectangles of each piece, in pixels.
        length: Their length, in pixels.

    Returns:
        (H, W) int32: the rectangle of each pixel, from 0, not shared between pieces.
    """
    rows, cols = np.indices(pieces.shape)
    turn = angles[pieces]
    along = np.floor((cols * np.cos(turn) + rows * np.sin(turn)) / length[pieces])
    across = np.floor((rows * np.cos(turn) - cols * np.sin(turn)) / width[pieces])
    codes = pieces.astype(np.int64) * 2**32 + (along + 2**15) * 2**16 + (across + 2**15)
    _, inverse = np.unique(codes.astype(np.int64), return_inverse=True)
    return inverse.reshape(pieces.shape).astype(np.int32)


def borders(pieces: np.ndarray) -> np.ndarray:
    """Mask, one pixel wide, of where the next pixel right or below is of another piece."""
    mask = np.zeros(pieces.shape, bool)
    mask[:, :-1] |= pieces[:, :-1] != pieces[:, 1:]
    mask[:-1] |= pieces[:-1] != pieces[1:]
    return mask
