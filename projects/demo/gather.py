"""Collects the results of one run of the demo, for the table and the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmss_plugins.analysis.jobs.results import iou_of_predictions, metrics_of_test, read_prediction
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.store.reader import ReadRequest, StoreReader
from projects.pipeline.sentinel import SentinelRun

CLASSES = DFC2020Dataset.METAINFO['classes']


@dataclass(frozen=True)
class Score:
    """Test scores of one fine-tuning, in percent."""

    modality: str
    start: str
    metrics: dict[str, float]
    class_iou: np.ndarray


def gather_scores(run: SentinelRun, modality: str) -> list[Score]:
    """Scores of all starts: metrics as the test command wrote them, IoU per class from its maps."""
    scores = []
    for start in run.starts:
        name = f'{modality} {start}'
        iou = iou_of_predictions(run.dfc_store('test'), run.predictions(name), len(CLASSES))
        scores.append(Score(modality, start, metrics_of_test(run.test_dir(name)), iou))
    return scores


def noise_rate(run: SentinelRun) -> float:
    """Share of pixels whose noisy label differs from the clean one, over the pretraining store."""
    store = StoreReader(run.pretrain_store)
    wrong = total = 0
    for sample_id in store.sample_ids:
        for season in store.meta.seasons:
            noisy, clean = store.read(
                sample_id, [ReadRequest('label', season), ReadRequest('clean_label', season)]
            )
            wrong += int((noisy != clean).sum())
            total += noisy.size
    return wrong / total


@dataclass(frozen=True)
class Gallery:
    """Data of the images: arrays (C, H, W) uint8, channel names and (H, W) maps."""

    image: np.ndarray
    channels: tuple[str, ...]
    maps: dict[str, np.ndarray]
    palette: list[list[int]]


def most_varied(labels: dict[str, np.ndarray], count: int) -> list[str]:
    """Ids of the samples with the most evenly mixed classes (largest label entropy)."""

    def entropy(label: np.ndarray) -> float:
        shares = np.bincount(label.ravel(), minlength=256)[:IGNORE_INDEX] / label.size
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    return sorted(labels, key=lambda name: -entropy(labels[name]))[:count]


def _varied_samples(data: SentinelStoreDataset, count: int) -> list[dict]:
    """The samples of a data set whose labels are the most varied, as its pipeline gets them."""
    samples = {sample['sample_id']: sample for sample in map(data.load_sample, range(len(data)))}
    labels = {name: sample['gt_seg_map'] for name, sample in samples.items()}
    return [samples[name] for name in most_varied(labels, count)]


def prediction_gallery(run: SentinelRun, modality: str, count: int = 5) -> list[Gallery]:
    """Test patches with their labels and the predictions of all starts."""
    data = DFC2020Dataset(str(run.dfc_store('test')), modality='s12', image_dtype='uint8')
    folders = {start: run.predictions(f'{modality} {start}') for start in run.starts}
    return [
        Gallery(
            sample['img'].transpose(2, 0, 1),
            data.channels,
            {
                'label': sample['gt_seg_map'],
                **{s: read_prediction(path, sample['sample_id']) for s, path in folders.items()},
            },
            data.metainfo['palette'],
        )
        for sample in _varied_samples(data, count)
    ]


def pretraining_gallery(run: SentinelRun, count: int = 4) -> list[Gallery]:
    """Pretraining patches with their noisy and their clean labels."""
    data = NoLDOPretrainDataset(str(run.pretrain_store), season=0, image_dtype='uint8')
    return [
        Gallery(
            sample['img'].transpose(2, 0, 1),
            data.channels,
            {
                'noisy label': sample['gt_seg_map'],
                'clean label': data.store.read(
                    sample['sample_id'], [ReadRequest('clean_label', sample['season'])]
                )[0],
            },
            data.metainfo['palette'],
        )
        for sample in _varied_samples(data, count)
    ]
