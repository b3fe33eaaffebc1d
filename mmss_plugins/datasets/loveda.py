"""LoveDA, land cover of towns and villages at 0.3 m."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mmss_plugins.datasets.aerial_store_dataset import AerialStoreDataset
from mmss_plugins.registry import DATASETS

SCENES = ('urban', 'rural')


@DATASETS.register_module(name=['LoveDADataset', 'LoveDAStoreDataset'])
class LoveDADataset(AerialStoreDataset):
    """Images of 1024 x 1024 pixels of 0.3 m, or patches of them, with seven classes.

    Background, building, road, water, barren, forest and agriculture are 0..6, which is the form
    of the benchmark's submissions too; no data (0 in the files) is 255 (ignored). Preparation has
    done this already: do not set ``reduce_zero_label``. Sample ids are ``{scene}_{number}``. The
    split Test has no public labels: read it with ``labels=False``.

    MMSegmentation's ``LoveDADataset`` (scope ``mmseg``) reads folders of images, not a store.
    To tell them apart, this class is also registered and exported as ``LoveDAStoreDataset``.

    Source: Wang et al. 2021, https://arxiv.org/abs/2110.08733,
    https://doi.org/10.5281/zenodo.5706578. The authors allow academic use only, under
    CC BY-NC-SA 4.0; for the images Google Earth's terms hold as well.

    Args:
        data_root: The store of a split, as written by ``mmss prepare loveda``.
        scene: 'urban', 'rural', or None for both.
        labels: Whether samples carry labels.
        **kwargs: Of :class:`AerialStoreDataset`.
    """

    PIXEL_SIZE: ClassVar[float | None] = 0.3
    METAINFO: ClassVar[dict] = {
        'classes': (
            'background',
            'building',
            'road',
            'water',
            'barren',
            'forest',
            'agriculture',
        ),
        'palette': [
            [255, 255, 255],
            [255, 0, 0],
            [255, 255, 0],
            [0, 0, 255],
            [159, 129, 183],
            [0, 255, 0],
            [255, 195, 128],
        ],
    }

    def __init__(
        self, data_root: str, scene: str | None = None, labels: bool = True, **kwargs
    ) -> None:
        if scene is not None and scene not in SCENES:
            raise ValueError(f'scene must be one of {list(SCENES)} or None, but got {scene!r}')
        self.scene = scene
        super().__init__(data_root, ('R', 'G', 'B'), labels=labels, **kwargs)

    def filter_ids(self, ids: Sequence[str]) -> Sequence[str]:
        """The ids of the scene."""
        if self.scene is None:
            return ids
        return [sample_id for sample_id in ids if sample_id.startswith(f'{self.scene}_')]


LoveDAStoreDataset = LoveDADataset
