"""The label smoothing prior as a map of the sample."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmss_plugins.datasets.class_prior import class_prior
from mmss_plugins.functional.smoothing import PRIOR_KINDS
from mmss_plugins.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SmoothingPrior(BaseTransform):
    """Replace the labels of all seasons by the label smoothing prior of the sample's own season.

    Put it before cropping, so that the filter sees the whole patch. The prior is a map of
    ``seg_fields``, so crop, flip and :class:`RandomRotateMultiBand` treat it with the image, and
    :class:`PackCrossModalInputs` packs it. It is kept for the classes that occur only.

    Required keys: ``season_labels`` (T, H, W) uint8 (removed), ``season_index``, ``num_classes``:
    the data set's option ``season_labels=True`` gives them.
    Added keys: ``smoothing_prior`` (H, W, K) float32, ``smoothing_prior_classes`` (K,) int64.
    Modified key: ``seg_fields``.

    Args:
        kind: 't' (seasons averaged, then smoothed), 's' (the one season smoothed) or 'ts' (the
            mean of both).
        sigma: Standard deviation of the Gaussian, pixels.
        truncate: Where it ends, in standard deviations.
    """

    def __init__(self, kind: str = 'ts', sigma: float = 3.0, truncate: float = 4.0) -> None:
        if kind not in PRIOR_KINDS:
            raise ValueError(f'kind must be one of {PRIOR_KINDS}, but got {kind!r}')
        for name, value in (('sigma', sigma), ('truncate', truncate)):
            if value <= 0:
                raise ValueError(f'{name} must be positive, but got {value!r}')
        self.kind, self.sigma, self.truncate = kind, sigma, truncate

    def transform(self, results: dict) -> dict:
        """Add the prior.

        Raises:
            ValueError: If the seasons' labels are missing, or hold a value that is no class.
        """
        if 'season_labels' not in results:
            raise ValueError(
                'SmoothingPrior needs the labels of all seasons: set season_labels=True in the '
                f'data set that {results.get("img_path", "the sample")} comes from'
            )
        try:
            prior, classes = class_prior(
                results.pop('season_labels'),
                results['season_index'],
                results['num_classes'],
                self.kind,
                self.sigma,
                self.truncate,
            )
        except ValueError as error:
            raise ValueError(f'{results.get("seg_map_path", "sample")}: {error}') from error
        results['smoothing_prior'] = prior.transpose(1, 2, 0)
        results['smoothing_prior_classes'] = classes
        results['seg_fields'] = [*results['seg_fields'], 'smoothing_prior']
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(kind={self.kind!r}, sigma={self.sigma}, '
            f'truncate={self.truncate})'
        )
