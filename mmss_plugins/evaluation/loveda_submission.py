"""Predictions of LoveDA's test images in the form that its benchmark asks for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric

from mmss_plugins.datasets.loveda import SCENES, LoveDADataset
from mmss_plugins.registry import METRICS
from mmss_plugins.utils.atomic_files import write_bytes

_ID = re.compile(f'(?:{"|".join(SCENES)})_([0-9]+)')
_NUM_CLASSES = len(LoveDADataset.METAINFO['classes'])


def write_prediction(folder: str | Path, sample_id: str, prediction: np.ndarray) -> Path:
    """Write the classes of one whole image as ``{number}.png``, 8-bit, one channel, 0..6.

    Args:
        folder: Made if it is not there.
        sample_id: ``{scene}_{number}``, as preparation names whole images.
        prediction: (H, W) integers.

    Returns:
        The file.

    Raises:
        ValueError: If the id is that of a patch or of no LoveDA image, or the prediction is not a
            map of classes 0..6.
        OSError: If the file cannot be written.
    """
    match = _ID.fullmatch(sample_id)
    if match is None:
        raise ValueError(
            f"sample {sample_id!r} is no whole LoveDA image (expected an id such as 'urban_4191'): "
            'prepare Test without --size'
        )
    if prediction.ndim != 2 or prediction.dtype.kind not in 'iu':
        raise ValueError(
            f'sample {sample_id!r}: expected a prediction of (H, W) integers, but got '
            f'{prediction.shape} {prediction.dtype}'
        )
    low, high = int(prediction.min()), int(prediction.max())
    if low < 0 or high >= _NUM_CLASSES:
        raise ValueError(
            f'sample {sample_id!r}: expected classes 0..{_NUM_CLASSES - 1}, but the prediction '
            f'has {low}..{high}'
        )
    path = Path(folder) / f'{match[1]}.png'
    write_bytes(path, cv2.imencode('.png', prediction.astype(np.uint8))[1].tobytes())
    return path


@METRICS.register_module()
class LoveDASubmission(BaseMetric):
    """Writes predictions as the LoveDA benchmark wants them, and counts them.

    For the test loader over ``mmss_plugins.LoveDADataset`` of Test with whole images and
    ``labels=False``; the folder's files, zipped, are the submission. Every rank writes its own.

    Args:
        output_dir (str): Folder for ``{number}.png``; made if it is not there.
        **kwargs: Of MMEngine's BaseMetric.
    """

    default_prefix = 'loveda'

    def __init__(self, output_dir: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.output_dir = Path(output_dir)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:  # noqa: ARG002
        """Write the predictions of one batch.

        Args:
            data_batch: Not used.
            data_samples: Predicted samples as dicts, with ``img_path`` and ``pred_sem_seg``.

        Raises:
            ValueError: As :func:`write_prediction`.
        """
        self.output_dir.mkdir(parents=True, exist_ok=True)
        for sample in data_samples:
            prediction = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
            path = write_prediction(self.output_dir, Path(sample['img_path']).name, prediction)
            self.results.append(path.name)

    def compute_metrics(self, results: list[str]) -> dict[str, float]:
        """Number of images written.

        Raises:
            ValueError: If two images have the same number, so that one file is lost.
        """
        twice = [name for name, count in Counter(results).items() if count > 1]
        if twice:
            raise ValueError(f'{self.output_dir}: written more than once: {sorted(twice)}')
        return {'images': float(len(results))}
