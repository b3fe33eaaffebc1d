"""ISPRS Potsdam, urban land cover at 5 cm."""

from __future__ import annotations

from typing import ClassVar

from mmss_plugins.datasets.aerial_store_dataset import AerialStoreDataset
from mmss_plugins.registry import DATASETS

BANDS = {'RGB': ('R', 'G', 'B'), 'IRRG': ('IR', 'R', 'G'), 'RGBIR': ('R', 'G', 'B', 'IR')}


@DATASETS.register_module(name=['PotsdamDataset', 'PotsdamStoreDataset'])
class PotsdamDataset(AerialStoreDataset):
    """Patches of the 38 tiles of Potsdam, 6000 x 6000 pixels of 5 cm, with six classes.

    Impervious surface, building, low vegetation, tree, car and clutter are 0..5. Label colours
    become indices in preparation; the black boundary of the labels without boundary, and pixels
    of any colour that is not in the palette, are 255 (ignored). Training has 24 tiles, testing 14.
    ``holdout`` takes whole tiles. Averages often omit clutter; to omit it from
    training too, choose the other five classes by ``metainfo``.

    MMSegmentation's ``PotsdamDataset`` (scope ``mmseg``) reads folders of images, not a store.
    To tell them apart, this class is also registered and exported as ``PotsdamStoreDataset``.

    Source: ISPRS 2D Semantic Labeling Contest, Potsdam
    (https://www.isprs.org/education/benchmarks/UrbanSemLab/2d-sem-label-potsdam.aspx). There is no
    open licence: the terms of the benchmark hold, which gives the data for research, to be
    acknowledged. Read them there before you use the data otherwise or pass them on.

    Args:
        data_root: The store of a split, as written by ``mmss prepare potsdam``.
        bands: 'RGB', 'IRRG' or 'RGBIR'. A store of RGBIR serves all three.
        dsm: Whether the surface model is added as the last channel (see
            :class:`AerialStoreDataset`).
        labels: Whether samples carry labels.
        **kwargs: Of :class:`AerialStoreDataset`.
    """

    PIXEL_SIZE: ClassVar[float | None] = 0.05
    METAINFO: ClassVar[dict] = {
        'classes': (
            'impervious surface',
            'building',
            'low vegetation',
            'tree',
            'car',
            'clutter',
        ),
        'palette': [
            [255, 255, 255],
            [0, 0, 255],
            [0, 255, 255],
            [0, 255, 0],
            [255, 255, 0],
            [255, 0, 0],
        ],
    }

    def __init__(
        self,
        data_root: str,
        bands: str = 'RGB',
        dsm: bool = False,
        labels: bool = True,
        **kwargs,
    ) -> None:
        if bands not in BANDS:
            raise ValueError(f'bands must be one of {list(BANDS)}, but got {bands!r}')
        super().__init__(data_root, BANDS[bands], labels=labels, dsm=dsm, **kwargs)


PotsdamStoreDataset = PotsdamDataset
