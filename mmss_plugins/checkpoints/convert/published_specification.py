"""The input specification of the published CromSS checkpoints, which do not carry one."""

from __future__ import annotations

from mmss_plugins.bands import S1, S2, Sensor, resolve_bands, sensor_statistics
from mmss_plugins.checkpoints.convert.published import PublishedNetwork
from mmss_plugins.checkpoints.spec.input_specification import InputSpecification, ModalityInput
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES

# Source: CromSS, https://arxiv.org/abs/2405.01217.
SETTINGS = {
    'losses': ['CE', 'Dice'],
    'consistency': {'kind': 'ce', 'loss_weight': 1.0},
    'selection': {'confidence': 'entropy', 'class_balance': True},
    'selection_schedule': {'ramp': 'exp', 'length': 80, 'by_epoch': True, 'proportion': 0.5},
    'smoothing': {'factors': [0.15, 0.05], 'prior': 'ts'},
}


def published_specification(network: PublishedNetwork) -> InputSpecification | None:
    """What a published network was trained on, by its band counts.

    Args:
        network: The network.

    Returns:
        The specification; None where no band set has so many bands.
    """
    modalities = {}
    for sensor, count in ((S1, network.s1_bands), (S2, network.s2_bands)):
        if count not in sensor.subsets:
            return None
        modalities[sensor.name] = _clip8_input(sensor, count)
    named = network.num_classes == len(DYNAMIC_WORLD_CLASSES)
    return InputSpecification(
        modalities,
        DYNAMIC_WORLD_CLASSES if named else (),
        method='CromSS',
        settings={'fusion': network.fusion, 'common': network.common, **SETTINGS},
    )


def _clip8_input(sensor: Sensor, count: int) -> ModalityInput:
    bands = tuple(sensor.bands[i] for i in resolve_bands(count, sensor.bands, sensor))
    mean, std = sensor_statistics(sensor, bands)
    return ModalityInput(
        bands, sensor.unit, 'clip8', '0..1', mean, std, pixel_size=float(min(sensor.resolutions))
    )
