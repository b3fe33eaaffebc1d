"""The input specification of a run: what its data set and data preprocessor give to the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from torch import nn

from mmss_plugins.checkpoints.spec.effective_input import EffectiveInput, effective_input
from mmss_plugins.checkpoints.spec.input_specification import (
    AERIAL,
    InputSpecification,
    InputSpecificationError,
    ModalityInput,
    plain_settings,
)
from mmss_plugins.datasets.aerial_store_dataset import AerialStoreDataset
from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset

_AERIAL_UNIT, _HEIGHT_UNIT = '8-bit value', 'height in metres'
_VALUES = {'standardise': 'standardised', None: 'physical'}
# Settings of a model that say how it was trained, as its config has them.
_SETTINGS = ('fusion', 'losses', 'consistency', 'selection', 'smoothing', 'common')


def run_specification(dataset: object, preprocessor: nn.Module | None) -> InputSpecification | None:
    """What a data set's images are when the network gets them.

    Transforms of the pipeline are taken to change neither bands nor values.

    Args:
        dataset: One of ours, or a wrapper (MMEngine's or torch's) around such ones.
        preprocessor: The model's data preprocessor.

    Returns:
        The specification without method and settings; None if a data set's bands are unknown.

    Raises:
        InputSpecificationError: If the parts of a concatenated data set are not alike, or the data
            preprocessor's statistics are of another number of bands.
    """
    found = [_dataset_specification(part, preprocessor) for part in _unwrapped(dataset)]
    if not found or None in found:
        return None
    if any(other != found[0] for other in found):
        raise InputSpecificationError(
            'the parts of the concatenated data set give different bands, normalisation or '
            f'classes: {found[0]} and {next(o for o in found if o != found[0])}'
        )
    return found[0]


def _unwrapped(dataset: object) -> Iterable[object]:
    """The data sets inside RepeatDataset, ClassBalancedDataset, ConcatDataset, Subset."""
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from _unwrapped(part)
    elif hasattr(dataset, 'dataset'):
        yield from _unwrapped(dataset.dataset)
    else:
        yield dataset


def _dataset_specification(
    dataset: object, preprocessor: nn.Module | None
) -> InputSpecification | None:
    if isinstance(dataset, SentinelStoreDataset):
        modalities = _sentinel_inputs(dataset, preprocessor)
    elif isinstance(dataset, AerialStoreDataset):
        modalities = {AERIAL: _aerial_input(dataset, preprocessor)}
    else:
        return None
    classes = dataset.metainfo.get('classes') if dataset.label_field is not None else None
    return InputSpecification(modalities, tuple(classes or ()))


def _sentinel_inputs(
    dataset: SentinelStoreDataset, preprocessor: nn.Module | None
) -> dict[str, ModalityInput]:
    sensors = dataset.sensors
    channels = sum(len(sensor.bands) for sensor in sensors)
    eight_bit = all(sensor.image_dtype == 'uint8' for sensor in sensors)
    effect = effective_input(preprocessor, channels, eight_bit)
    modalities, start = {}, 0
    for sensor in sensors:
        stop = start + len(sensor.bands)
        normalised = sensor.specified is not None
        entry = ModalityInput(
            bands=tuple(sensor.bands),
            unit=sensor.sensor.unit,
            normalize=sensor.specified,
            values=_VALUES.get(sensor.normalize, _eight_bit_values(effect)),
            mean=tuple(map(float, sensor.mean)) if normalised else None,
            std=tuple(map(float, sensor.std)) if normalised else None,
            input_mean=effect.mean and effect.mean[start:stop],
            input_std=effect.std and effect.std[start:stop],
            pixel_size=dataset.pixel_size,
        )
        swapped = effect.swapped and len(sensors) == 1
        modalities[sensor.modality] = _reversed(entry) if swapped else entry
        start = stop
    return modalities


def _aerial_input(dataset: AerialStoreDataset, preprocessor: nn.Module | None) -> ModalityInput:
    effect = effective_input(preprocessor, len(dataset.channels), eight_bit=not dataset.dsm)
    entry = ModalityInput(
        bands=tuple(dataset.channels),
        unit=f'{_AERIAL_UNIT}, {_HEIGHT_UNIT}' if dataset.dsm else _AERIAL_UNIT,
        normalize=None,
        values=_eight_bit_values(effect),
        input_mean=effect.mean,
        input_std=effect.std,
        pixel_size=dataset.pixel_size,
    )
    return _reversed(entry) if effect.swapped else entry


def _eight_bit_values(effect: EffectiveInput) -> str:
    return '0..255' if effect.undivided else '0..1'


def _reversed(entry: ModalityInput) -> ModalityInput:
    """With the three bands as MM's bgr_to_rgb leaves them, before it subtracts its mean."""
    mean, std = (values and values[::-1] for values in (entry.mean, entry.std))
    return replace(entry, bands=entry.bands[::-1], mean=mean, std=std)


def with_method(spec: InputSpecification, model: nn.Module, config: Mapping) -> InputSpecification:
    """Add how the network is trained, for information.

    Args:
        spec: Of the run.
        model: The network, without wrappers.
        config: Of the run; may be empty.
    """
    settings = {k: v for k, v in (config.get('model') or {}).items() if k in _SETTINGS}
    for hook in config.get('custom_hooks') or ():
        # the type is a name, or in a config of pure Python the class itself
        if isinstance(hook, Mapping) and 'CrossModalSelectionHook' in str(hook.get('type')):
            settings['selection_schedule'] = {k: v for k, v in hook.items() if k != 'type'}
    method = type(model).__name__
    if method == 'CrossModalSegmentor':
        teaches = model.consistency is not None or model.selection is not None
        method = 'CromSS' if teaches else 'noisy labels'
    return replace(spec, method=method, settings=plain_settings(settings))
