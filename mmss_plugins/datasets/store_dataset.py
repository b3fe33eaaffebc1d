"""What the data sets over LMDB stores have in common: which samples, which classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from mmengine.dataset import BaseDataset

from mmss_plugins.datasets.file_loaders import check_no_file_loaders
from mmss_plugins.datasets.label_map import check_classes, label_table
from mmss_plugins.datasets.test_pipeline import check_test_pipeline, run_test_pipeline
from mmss_plugins.store.patch_ids import tile_of
from mmss_plugins.store.reader import StoreReader
from mmss_plugins.store.splits import holdout_part, read_split_file, select_ids, subset_part
from mmss_plugins.utils.seeding import SeededSampleMixin

LABEL_FIELD = 'label'


class StoreDataset(SeededSampleMixin, BaseDataset):
    """Chooses samples and classes of a store; subclasses define a sample in ``load_sample``.

    With ``test_mode=True`` no transform of the pipeline changes a label: predictions are brought
    back to the image as it was and compared with the label there.

    Args:
        data_root: The store, as written by the preparation tools.
        label_field: The store's field that gives the labels; None for a data set without labels.
        split_file: Text file with the ids of the samples to use, one per line.
        holdout: ``dict(fraction=0.01, seed=0, part='train' | 'val')``: keep one side of a split
            that depends on the seed and the sample ids only, so it is the same on every rank.
            Patches of one tile always come to the same side. All samples of the store are split,
            whatever ``split_file`` names: no list of training samples reaches into the other side.
        subset: ``dict(fraction=0.01, seed=0)`` or ``dict(count=20, seed=0)``: of what is left, use
            some samples only, in the same way. Patches are taken tile by tile; with
            ``by='sample'`` they are spread over all tiles.
        verify: Check the stored checksums of all that is read.
        **kwargs: Of :class:`mmengine.dataset.BaseDataset` (``indices``, ``pipeline``,
            ``test_mode``, ``metainfo``, ``lazy_init``, ...). As in MMSegmentation,
            ``metainfo=dict(classes=(...))`` chooses some of the classes: labels become positions
            in that choice, and those of other classes 255.

    Raises:
        ValueError: If an option is unknown or does not fit the store; the message names both. If
            the store is not whole, for then its parts would not be those of the whole. If the
            pipeline loads files, or with ``test_mode=True`` does what cannot be undone in
            predictions.
    """

    UNLABELLED = '; label_field=None reads images only'  # hint where there are no labels
    LABELS_BEFORE_PIPELINE = True

    PIXEL_SIZE: ClassVar[float | None] = None  # metres, where a store does not give it

    channels: tuple[str, ...]  # names of the image's channels, set by subclasses

    def __init__(
        self,
        data_root: str,
        label_field: str | None = LABEL_FIELD,
        split_file: str | None = None,
        holdout: Mapping | None = None,
        subset: Mapping | None = None,
        verify: bool = True,
        **kwargs,
    ) -> None:
        self.store = self.open_store(data_root, verify)
        if not self.store.meta.complete:
            raise ValueError(
                f'{self.store.path}: expected a whole store, but its preparation has not finished: '
                f'it holds {len(self.store)} samples so far. Run the same preparation again'
            )
        self.label_field = label_field
        classes = self.METAINFO.get('classes', ())
        if label_field is not None:
            self._check_fields(label_field, hint=self.UNLABELLED)
            check_classes(self.store.meta.classes, classes, self.store.path, type(self).__name__)
        self.split_file = split_file
        self.holdout = dict(holdout) if holdout is not None else None
        self.subset = dict(subset) if subset is not None else None
        super().__init__(data_root=str(data_root), **kwargs)
        check_no_file_loaders(self.pipeline, type(self).__name__)
        if self.test_mode:
            check_test_pipeline(self.pipeline, type(self).__name__)
        self._label_table = self._choose_classes(classes or self.store.meta.classes)
        self.num_classes = len(self._metainfo.get('classes', self.store.meta.classes))

    @property
    def pixel_size(self) -> float | None:
        """Of the images, in metres, by the store's ``info['pixel_size']`` or the data set.

        None if neither gives it.
        """
        found = self.store.meta.info.get('pixel_size', self.PIXEL_SIZE)
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        return float(found) if 0 < found < math.inf else None

    def open_store(self, data_root: str, verify: bool) -> StoreReader:
        """The reader of the samples; subclasses may give another one with its interface."""
        return StoreReader(data_root, verify=verify)

    def group_of(self, sample_id: str) -> str:
        """Name of what must stay together in a split: the tile that a patch was cut from."""
        return tile_of(sample_id)

    def load_sample(self, idx: int) -> dict:
        """Sample ``idx`` as the pipeline gets it."""
        raise NotImplementedError

    def image_results(self, info: dict, image: np.ndarray, place: str) -> dict:
        """What every sample records of its image.

        Args:
            info: The sample's record.
            image: (H, W, C), one channel per name in ``channels``.
            place: Where it comes from, for messages.
        """
        return {
            **info,
            'channels': self.channels,
            'num_classes': self.num_classes,
            'img': image,
            'img_path': place,
            'img_shape': image.shape[:2],
            'ori_shape': image.shape[:2],
            'reduce_zero_label': False,
        }

    def load_data_list(self) -> list[dict]:
        """One record per chosen sample, in the store's order."""
        ids = self.filter_ids(self.store.sample_ids)
        if self.holdout is not None:
            ids = holdout_part(ids, **self.holdout, groups=self._groups(ids))
        if self.split_file is not None:
            ids = self._listed(ids, self.split_file)
        if self.subset is not None:
            options = dict(self.subset)
            by = options.pop('by', 'group')
            if by not in ('group', 'sample'):
                raise ValueError(f"subset by must be 'group' or 'sample', but got {by!r}")
            ids = subset_part(ids, **options, groups=self._groups(ids) if by == 'group' else None)
        if not ids:
            raise ValueError(f'no sample of {self.store.path} is left to use')
        return [{'sample_id': sample_id} for sample_id in ids]

    def filter_ids(self, ids: Sequence[str]) -> Sequence[str]:
        """The ids that may be used at all: here every one."""
        return ids

    def prepare_data(self, idx: int) -> dict | None:
        """Read sample ``idx`` in one transaction and run the pipeline on it."""
        results = self.load_sample(idx)
        return (
            run_test_pipeline(self.pipeline, results) if self.test_mode else self.pipeline(results)
        )

    def _listed(self, ids: Sequence[str], split_file: str) -> list[str]:
        """Those of the ids that a split file names, in its order."""
        there = set(ids)
        wanted = read_split_file(split_file)
        listed = select_ids(self.store.sample_ids, wanted, split_file, self.store.path)
        return [sample_id for sample_id in listed if sample_id in there]

    def _groups(self, ids: Sequence[str]) -> list[str]:
        return [self.group_of(sample_id) for sample_id in ids]

    def _join_prefix(self) -> None:
        """The store is the data root: there are no annotation file and prefixes to join."""

    def _check_fields(self, *names: str, hint: str = '') -> None:
        for field in names:
            if field not in self.store.meta.fields:
                raise ValueError(
                    f'{self.store.path} has no field {field!r}: it holds '
                    f'{sorted(self.store.meta.fields)}{hint}'
                )

    def _choose_classes(self, full: Sequence[str]) -> np.ndarray | None:
        """Table to the labels of the classes in the metainfo; the palette follows them."""
        chosen = self._metainfo.get('classes', full)
        table = label_table(full, chosen) if full else None
        palette = self.METAINFO.get('palette')
        if table is not None and palette and self._metainfo['palette'] == palette:
            self._metainfo['palette'] = [palette[list(full).index(name)] for name in chosen]
        return table
