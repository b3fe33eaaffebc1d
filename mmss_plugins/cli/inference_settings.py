"""Keeps what MMSegmentation's inference API reads of a config in step with the test data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

SENTINEL = ('s1', 's2', 's12')
LOADERS = ('LoadImageFromFile', 'LoadMultiBandImage', 'mmss_plugins.LoadMultiBandImage')
_SHARED = ('modality', 'bands', 'normalize', 'image_dtype')


def set_inference_settings(cfg: Config) -> None:
    """Give the loading steps of the config the bands and the normalisation of its test data set.

    An override such as ``test_dataloader.dataset.bands=9`` then holds for inference as well, and
    the config that the run writes into its work folder is right.

    Args:
        cfg: Changed in place.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while isinstance(dataset, Mapping) and 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    for pipeline in (dataset.get('pipeline'), cfg.get('test_pipeline')):
        for step in _loading_steps(pipeline):
            given = {name: dataset[name] for name in _SHARED if dataset.get(name) is not None}
            if dataset.get('modality', 's2') not in SENTINEL:  # images of the store's own bands
                continue
            if step.get('modality') == 'aerial':
                given = {name: value for name, value in given.items() if name == 'bands'}
            if given.get('normalize', 'clip8') != 'clip8':
                given.setdefault('image_dtype', 'float32')  # 8 bits are for clip8
            step.update(given)


def _loading_steps(pipeline: Any) -> Iterator[dict]:
    for step in pipeline or ():
        if (
            isinstance(step, dict)
            and step.get('type') in LOADERS
            and (step.get('_scope_') == 'mmss_plugins' or step['type'] == LOADERS[-1])
        ):
            yield step
