"""A trained segmentation model together with what it must be fed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from mmss_plugins.checkpoints.files import read_checkpoint
from mmss_plugins.checkpoints.spec.dataset_meta import dataset_classes
from mmss_plugins.checkpoints.spec.input_specification import InputSpecification, specification_of
from mmss_plugins.checkpoints.trained_model import load_trained
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.utils.run_settings import file_digest


@dataclass
class SceneModel:
    """A model in evaluation mode, its input specification and its classes.

    Args:
        model: A segmentor of MMSegmentation's kind.
        spec: What it was trained on, of the modalities that it wants.
        classes: Class names by index.
        palette: RGB per class.
        name: Of its checkpoint, for the outputs' tags.
        digest: SHA-256 of the checkpoint file.
        amp: Whether to run it in automatic mixed precision.
        flips: Whether to average over the four flips of each input (test-time augmentation).
    """

    model: Any
    spec: InputSpecification
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...] | None = None
    name: str = ''
    amp: bool = False
    digest: str = ''
    flips: bool = False

    @property
    def contract(self) -> InputSpecification:
        """The name of ``spec`` in version 0.1; goes in 0.3."""
        warnings.warn(
            'SceneModel.contract is now SceneModel.spec', DeprecationWarning, stacklevel=2
        )
        return self.spec

    @classmethod
    def load(
        cls, cfg: Config, checkpoint: str | Path, device: str = 'cpu', amp: bool = False
    ) -> SceneModel:
        """Build a config's model and fill it with a checkpoint.

        Args:
            cfg: With ``model``.
            checkpoint: Of that model, with the input specification that
                ``InputSpecificationHook`` writes.
            device: Where to run it.
            amp: Whether to run it in automatic mixed precision.

        Raises:
            CheckpointFileError: If the file is not a checkpoint, or not this model's.
            RasterError: If the checkpoint does not give its inputs, or the model does not segment.
        """
        content = read_checkpoint(checkpoint, mmap=True)
        spec = specification_of(content, str(checkpoint))
        if spec is None:
            raise RasterError(
                f"{checkpoint}: expected an input specification in 'meta', which gives bands, "
                'units and normalisation, but there is none: train with InputSpecificationHook in '
                'custom_hooks (our configs have it) and one of our data sets'
            )
        model = load_trained(cfg, checkpoint)
        if not hasattr(model, 'decode_head'):
            raise RasterError(
                f'{checkpoint}: expected a segmentor, but the model is {type(model).__name__}'
            )
        alone = getattr(model, 'predict_from', None)
        if alone is not None and alone in spec.modalities:
            spec = spec.select((alone,))
        classes, palette = _classes(content, spec, model, checkpoint)
        model.to(device)
        name, digest = Path(checkpoint).name, file_digest(Path(checkpoint))
        return cls(model, spec, classes, palette, name, amp, digest)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Class probabilities of a batch, with ``flips`` their mean over its flips.

        Args:
            inputs: (N, C, H, W), normalised: the data preprocessor is not used.

        Returns:
            (N, classes, H, W) float32 on the CPU.

        Raises:
            FloatingPointError: If the network's output is not finite.
        """
        inputs = inputs.to(self.device)
        found = self._pass(inputs)
        if self.flips:
            axes = ((-1,), (-2,), (-2, -1))
            found = (found + sum(self._pass(inputs.flip(axis)).flip(axis) for axis in axes)) / 4
        return found.cpu()

    def _pass(self, inputs: Tensor) -> Tensor:
        device = self.device
        with torch.autocast(device.type) if self.amp else nullcontext():
            samples = self.model.predict(inputs, None)
        logits = torch.stack([sample.seg_logits.data for sample in samples]).float()
        if not logits.isfinite().all():
            raise FloatingPointError(f'{self.name} gives values that are not finite')
        if logits.shape[1] == 1:  # two classes from one channel, of which MM gives the sigmoid
            return torch.cat([1 - logits, logits], dim=1)
        return logits.softmax(dim=1)


def _classes(
    content: Mapping, spec: InputSpecification, model: Any, source: object
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...] | None]:
    """Names and colours, one per class of the network."""
    count = max(model.num_classes, 2)
    named, palette = dataset_classes(content, source)
    names = spec.classes or named
    if len(names) != count:
        names = tuple(f'class {index}' for index in range(count))
    return names, palette if palette and len(palette) == count else None
