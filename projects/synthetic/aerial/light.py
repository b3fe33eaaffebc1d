"""Sun, shadow, air and camera: from a scene to an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

STEEPEST = 1.3  # slope that shading knows; walls would be all black or white
MAX_HEIGHT = 40.0


@dataclass(frozen=True)
class Light:
    """The conditions of one flight.

    Args:
        azimuth: Where the sun stands, in radians from the x axis towards the y axis.
        elevation: How high, in radians.
        sky: Share of the light that comes from the sky and reaches shadows too.
        haze: Radiance of the air, relative to white ground.
        cast: Gain in red, green, blue and near infrared.
        exposure: Gain of all bands.
        gamma: Exponent of the tone curve.
        saturation: 1 leaves the colours as they are.
        blur: Standard deviation of the point spread, in pixels.
        noise: Standard deviation of the noise, in grey values.
    """

    azimuth: float
    elevation: float
    sky: float
    haze: float
    cast: tuple[float, float, float, float]
    exposure: float
    gamma: float
    saturation: float
    blur: float
    noise: float


def draw_light(rng: np.random.Generator) -> Light:
    """The conditions of some flight."""
    warm, green = rng.normal(0, 0.07), rng.normal(0, 0.03)
    return Light(
        azimuth=rng.uniform(0, 2 * np.pi),
        elevation=np.deg2rad(rng.uniform(32, 60)),
        sky=rng.uniform(0.22, 0.5),
        haze=rng.uniform(0.0, 0.035),
        cast=tuple(np.exp([warm, green, -warm, rng.normal(0, 0.1)])),
        exposure=np.exp(rng.normal(0.55, 0.18)),
        gamma=rng.uniform(0.44, 0.58),
        saturation=rng.uniform(0.65, 1.15),
        blur=rng.uniform(0.35, 0.85),
        noise=rng.uniform(1.0, 4.0),
    )


def sunlit(height: np.ndarray, metres: float, azimuth: float, elevation: float) -> np.ndarray:
    """Share of the sun's light that reaches each pixel past what stands between.

    Args:
        height: (H, W) in metres.
        metres: Pixel size.
        azimuth: Where the sun stands, in radians from the x axis towards the y axis.
        elevation: How high, in radians.

    Returns:
        (H, W) float32, 0 in shadow, 1 in the sun.
    """
    # height of the shade over each pixel; each step doubles the distance that is looked at
    shade = height.astype(np.float32, copy=True)
    drop, reach = metres * np.tan(elevation), 1
    toward = np.array([np.sin(azimuth), np.cos(azimuth)])
    while reach * drop < MAX_HEIGHT:
        rows, cols = np.rint(reach * toward).astype(int)
        if max(abs(rows), abs(cols)) >= min(height.shape):
            break
        here, there = _overlap(height.shape, rows, cols)
        lower = shade[there] - np.float32(drop * np.hypot(rows, cols))
        shade[here] = np.maximum(shade[here], lower)
        reach *= 2
    depth = ndimage.gaussian_filter(np.clip((shade - height) / 0.5, 0, 1), 0.6)
    return (1 - depth).astype(np.float32)


def _overlap(shape: tuple[int, int], rows: int, cols: int) -> tuple[tuple, tuple]:
    """Slices of the pixels that have a neighbour at an offset, and of these neighbours."""
    here = tuple(
        slice(max(0, -step), length - max(0, step))
        for step, length in zip((rows, cols), shape, strict=True)
    )
    there = tuple(
        slice(max(0, step), length - max(0, -step))
        for step, length in zip((rows, cols), shape, strict=True)
    )
    return here, there


def illuminate(height: np.ndarray, metres: float, light: Light) -> np.ndarray:
    """Light on each pixel relative to level ground in the sun, (H, W, 4) float32."""
    rows, cols = np.gradient(height, np.float32(metres))
    rows, cols = np.clip(rows, -STEEPEST, STEEPEST), np.clip(cols, -STEEPEST, STEEPEST)
    level = np.tan(light.elevation)
    facing = level - cols * np.cos(light.azimuth) - rows * np.sin(light.azimuth)
    direct = np.clip(facing / np.sqrt(1 + rows**2 + cols**2) / level, 0, 2.2)
    direct *= sunlit(height, metres, light.azimuth, light.elevation)
    walls = ndimage.uniform_filter(height, max(3, round(5 / metres))) - height
    open_sky = 1 - 0.5 * np.clip(walls / 6, 0, 1)
    blue_sky = np.array([0.86, 0.98, 1.22, 0.6], np.float32)
    sun = (1 - light.sky * blue_sky) * direct[..., None]
    return (sun + light.sky * blue_sky * open_sky[..., None]).astype(np.float32)


def photograph(
    rng: np.random.Generator, colour: np.ndarray, height: np.ndarray, metres: float, light: Light
) -> np.ndarray:
    """Take an image.

    Args:
        rng: Source of the noise.
        colour: (H, W, 4) reflectance in red, green, blue and near infrared.
        height: (H, W) in metres.
        metres: Pixel size.
        light: The conditions.

    Returns:
        (H, W, 4) uint8.
    """
    radiance = colour * illuminate(height, metres, light)
    visible = radiance[..., :3]
    grey = visible.mean(-1, keepdims=True)
    visible += (light.saturation - 1) * (visible - grey)
    haze = light.haze * np.array([0.8, 1.0, 1.3, 0.3], np.float32)
    radiance = (radiance + haze) * np.array(light.cast, np.float32) * light.exposure
    radiance[..., 3] *= 0.6  # else vegetation would be white
    radiance = ndimage.gaussian_filter(radiance, (light.blur, light.blur, 0), truncate=3.0)
    values = 255 * np.clip(radiance, 1e-4, None) ** light.gamma
    values = np.where(values > 200, 255 - 55 * np.exp(-(values - 200) / 55), values)
    values += light.noise * rng.standard_normal(values.shape, dtype=np.float32)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
