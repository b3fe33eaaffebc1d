"""The input contract of a run: what its data set and data preprocessor give to the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from torch import nn

from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.models.data_preprocessors.multi_band_seg_data_preprocessor import UINT8_MAX

from .input_contract import InputContract, InputContractError, ModalityInput, plain_settings

_VALUES = {'standardise': 'standardised', None: 'physical'}
# Settings of a model that say how it was trained, as its config has them.
_SETTINGS = ('fusion', 'losses', 'consistency', 'selection', 'smoothing', 'common')


def run_contract(dataset: object, preprocessor: nn.Module | None) -> InputContract | None:
    """What a data set's images are when the network gets them.

    Transforms of the pipeline are taken to change neither bands nor values.

    Args:
        dataset: One of ours, or a wrapper (MMEngine's or torch's) around such ones.
        preprocessor: The model's data preprocessor.

    Returns:
        The contract without method and settings; None if a data set does not tell its bands.

    Raises:
        InputContractError: If the parts of a concatenated data set are not alike, or the data
            preprocessor's statistics are of another number of bands.
    """
    found = [_dataset_contract(part, preprocessor) for part in _unwrapped(dataset)]
    if not found or None in found:
        return None
    if any(other != found[0] for other in found):
        raise InputContractError(
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


def _dataset_contract(dataset: object, preprocessor: nn.Module | None) -> InputContract | None:
    if not isinstance(dataset, SentinelStoreDataset):
        return None
    sensors = dataset.sensors
    means, stds = _statistics(preprocessor, sum(len(sensor.bands) for sensor in sensors))
    divided = isinstance(preprocessor, MultiBandSegDataPreProcessor)
    coded = all(sensor.image_dtype == 'uint8' for sensor in sensors)
    if coded and not divided and means and not any(means) and set(stds) == {UINT8_MAX}:
        divided, means, stds = True, None, None  # what MultiBandSegDataPreProcessor does unasked
    modalities, start = {}, 0
    for sensor in sensors:
        stop = start + len(sensor.bands)
        normalised = sensor.normalize is not None
        entry = ModalityInput(
            bands=tuple(sensor.bands),
            unit=sensor.sensor.unit,
            normalize=sensor.normalize,
            values=_values(sensor, divided),
            mean=tuple(map(float, sensor.mean)) if normalised else None,
            std=tuple(map(float, sensor.std)) if normalised else None,
            input_mean=means and means[start:stop],
            input_std=stds and stds[start:stop],
        )
        modalities[sensor.sensor.name] = entry
        start = stop
    if getattr(preprocessor, 'channel_conversion', False) and start == 3 and len(sensors) == 1:
        modalities = {name: _reversed(entry) for name, entry in modalities.items()}
    return InputContract(modalities, tuple(dataset.metainfo.get('classes') or ()))


def _values(sensor, divided: bool) -> str:
    if sensor.normalize != 'clip8':
        return _VALUES[sensor.normalize]
    return '0..255' if sensor.image_dtype == 'uint8' and not divided else '0..1'


def _statistics(
    preprocessor: nn.Module | None, channels: int
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """What the data preprocessor subtracts and divides by, one number per channel."""
    found = []
    for name in ('mean', 'std'):
        values = getattr(preprocessor, name, None)
        if values is None:
            found.append(None)
            continue
        numbers = [float(f'{value:.7g}') for value in values.flatten().tolist()]
        if len(numbers) not in (1, channels):
            raise InputContractError(
                f"the data preprocessor's {name} has {len(numbers)} values, but the data set gives "
                f'{channels} channels: give one per channel'
            )
        found.append(tuple(numbers * channels if len(numbers) == 1 else numbers))
    return found[0], found[1]


def _reversed(entry: ModalityInput) -> ModalityInput:
    """With the three bands as MM's bgr_to_rgb leaves them, before it subtracts its mean."""
    mean, std = (values and values[::-1] for values in (entry.mean, entry.std))
    return replace(entry, bands=entry.bands[::-1], mean=mean, std=std)


def with_method(contract: InputContract, model: nn.Module, config: Mapping) -> InputContract:
    """Add how the network is trained, for information.

    Args:
        contract: Of the run.
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
    return replace(contract, method=method, settings=plain_settings(settings))
