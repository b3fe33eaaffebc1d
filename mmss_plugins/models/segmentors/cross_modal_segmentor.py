"""Segmentation of co-registered modalities that teach each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmss_plugins.functional.tracing import being_traced
from mmss_plugins.models.segmentors.batch_checks import check_finite, check_labels
from mmss_plugins.models.segmentors.channels import COMMON, build_backbones, split_channels
from mmss_plugins.models.segmentors.label_smoothing import LabelSmoothing, check_soft_losses
from mmss_plugins.models.segmentors.loss_terms import accuracies, branch_losses
from mmss_plugins.models.segmentors.model_options import check_model_options, prediction_branch
from mmss_plugins.models.segmentors.restore import (
    common_size,
    mean_probability_logits,
    set_predictions,
)
from mmss_plugins.models.segmentors.sample_selection import SampleSelection
from mmss_plugins.models.segmentors.sliding_windows import slide
from mmss_plugins.models.segmentors.targets import UNWEIGHTED, PixelWeights, SegTargets
from mmss_plugins.registry import MODELS

SHARED = 'shared'  # key of the one decode head of middle fusion


@MODELS.register_module()
class CrossModalSegmentor(BaseSegmentor):
    """One encoder per modality, a shared or separate decoder, cross-modal consistency.

    The total loss is the sum over the modalities of the segmentation losses and of the consistency
    with each other modality, whose predictions are held fixed. With more than two modalities a
    student's consistency is the mean over its teachers; with one there is none. Sample selection
    and label smoothing weight and soften what is learnt from the labels, in training only.

    The common branch is an encoder on all channels. It has the segmentation losses, weighted by its
    own confidence entangled with the modalities'; it teaches no modality and learns from none, and
    the modalities' confidences do not depend on it.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        backbones (dict[str, dict]): Backbone config per modality. The input's channels are split
            among them in this order, by each backbone's ``in_channels``.
        decode_head (dict): Decode head config.
        fusion (str): 'mid' shares the decode head among the branches, 'late' gives each its own.
            Defaults to 'mid'.
        losses (Sequence[dict]): Segmentation losses, with MMSegmentation's loss signature.
        consistency (dict | None): Consistency loss, or None for none. Defaults to None.
        selection (dict | None): Arguments of :class:`SampleSelection` (``confidence``,
            ``class_balance``), or None to let every pixel count alike (default). It needs
            ``CrossModalSelectionHook``, which sets how strongly to select.
        smoothing (dict | None): Arguments of :class:`LabelSmoothing` (``factors``, ``prior``), or
            None for the labels as they are (default).
        common (dict | None): Backbone config of the common branch, or None for none (default).
            ``in_channels`` defaults to the sum of the modalities'.
        train_cfg (dict | None): Has no options; MM's configs have it.
        test_cfg (dict | None): ``predict`` is the branch that the model's output comes from: a
            modality, 'common', or 'mean', the mean of the modalities' probabilities without the
            common branch (default). With ``val_loss=True`` each predicted sample that has
            labels carries its batch's loss in the metainfo ``val_loss``: unsmoothed and unselected,
            of all branches. ``mode='slide'`` with ``crop_size`` and ``stride``, (height, width)
            each, averages the logits of each branch over overlapping windows; 'whole' is the
            default.
        data_preprocessor (dict | None): Data preprocessor config.
        init_cfg (dict | list[dict] | None): MM's init config.
        pretrained (None): MMSegmentation's ``init_model`` sets it, to None. To load weights, give
            the backbones an ``init_cfg``.

    Raises:
        ValueError: If ``fusion`` or an option of ``test_cfg`` is unknown, the common branch does
            not fit the modalities, a loss does not fit the smoothing, or ``train_cfg`` or
            ``pretrained`` is given.
    """

    def __init__(
        self,
        backbones: dict[str, dict],
        decode_head: dict,
        fusion: str = 'mid',
        losses: Sequence[dict] = (
            {'type': 'mmss_plugins.SoftCrossEntropyLoss'},
            {'type': 'mmss_plugins.SoftDiceLoss'},
        ),
        consistency: dict | None = None,
        selection: dict | None = None,
        smoothing: dict | None = None,
        common: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        check_model_options(fusion, train_cfg, test_cfg, pretrained)
        self.fusion, self.modalities = fusion, tuple(backbones)
        self.train_cfg = train_cfg
        self.test_cfg = dict(test_cfg or {})
        self.backbones, self.channels = build_backbones(backbones, common)
        self.predict_from = prediction_branch(self.test_cfg, self.backbones)
        heads = (SHARED,) if fusion == 'mid' else tuple(self.backbones)
        self.decode_heads = ModuleDict({name: MMSEG_MODELS.build(decode_head) for name in heads})
        self.losses = nn.ModuleList(MMSEG_MODELS.build(loss) for loss in losses)
        self.consistency = MMSEG_MODELS.build(consistency) if consistency else None
        self.selection = None if selection is None else SampleSelection(**selection)
        self.smoothing = None if smoothing is None else LabelSmoothing(**smoothing)
        if self.smoothing is not None:
            check_soft_losses(self.losses)
        self.align_corners = self.decode_head.align_corners
        self.num_classes = self.decode_head.num_classes
        self.out_channels = self.decode_head.out_channels
        self.ignore_index = self.decode_head.ignore_index

    @property
    def decode_head(self) -> Any:
        """The shared decode head, or the first modality's."""
        return next(iter(self.decode_heads.values()))

    def extract_feat(self, inputs: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """Feature maps of each branch, fine to coarse.

        Args:
            inputs: (N, C, H, W); C is the sum of the modalities' channels, or in evaluation those
                of the modality ``test_cfg.predict`` alone.

        Raises:
            ValueError: If the number of channels is another.
        """
        alone = self.predict_from if self.predict_from in self.modalities else None
        parts = split_channels(inputs, self.channels, None if self.training else alone)
        if COMMON in self.backbones and len(parts) == len(self.modalities):
            parts.setdefault(COMMON, inputs)
        return {name: self.backbones[name](part) for name, part in parts.items()}

    def _forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Logits (N, num_classes, H, W) of each branch, at the input's size."""
        logits = {}
        for name, features in self.extract_feat(inputs).items():
            head = self.decode_heads[SHARED if self.fusion == 'mid' else name]
            logits[name] = head(features)
            size = inputs.shape[2:]
            if being_traced() or logits[name].shape[2:] != size:
                logits[name] = F.interpolate(
                    logits[name], size=size, mode='bilinear', align_corners=self.align_corners
                )
        return logits

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:  # noqa: ARG002
        """Logits (N, num_classes, H, W) of the model's output."""
        return self._output(self._forward(inputs))

    def _inference(self, inputs: Tensor) -> dict[str, Tensor]:
        """Logits (N, num_classes, H, W) of each branch, of the whole image or by windows."""
        if self.test_cfg.get('mode') != 'slide':
            return self._forward(inputs)
        return slide(self._forward, inputs, self.test_cfg['crop_size'], self.test_cfg['stride'])

    def _output(self, logits: Mapping[str, Tensor]) -> Tensor:
        if self.predict_from == 'mean':
            return mean_probability_logits([logits[name] for name in self.modalities])
        return logits[self.predict_from]

    def make_targets(
        self, labels: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> SegTargets:
        """The targets of training: the labels (N, H, W), smoothed if the model smooths them."""
        if self.smoothing is None:
            return SegTargets.of_labels(labels, self.ignore_index)
        return self.smoothing.targets(labels, data_samples, self.num_classes, self.ignore_index)

    def make_weights(self, logits: Mapping[str, Tensor], labels: Tensor) -> PixelWeights:
        """The weight of each pixel in training; all are 1 if the model does not select samples."""
        if self.selection is None:
            return UNWEIGHTED
        teaching = self.consistency is not None and len(self.modalities) > 1
        return self.selection.weights(logits, labels, self.modalities, self.ignore_index, teaching)

    def compute_losses(
        self, logits: Mapping[str, Tensor], targets: SegTargets, weights: PixelWeights
    ) -> dict[str, Tensor]:
        """All losses, named ``{branch}.{loss_name}``: see :func:`branch_losses`."""
        parts = self.losses, self.consistency, self.ignore_index
        return branch_losses(logits, self.modalities, targets, weights, *parts)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Training losses, and how far the branches agree with the labels and with each other.

        Args:
            inputs: (N, C, H, W).
            data_samples: With ``gt_sem_seg``.

        Returns:
            Scalars; those with 'loss' in the name sum up to the total.

        Raises:
            FloatingPointError: If logits are not finite.
            ValueError: If a label is no class.
        """
        labels = torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in data_samples])
        logits = self._forward(inputs)
        check_finite(logits, data_samples, inputs)
        check_labels(labels, self.num_classes, self.ignore_index, data_samples)
        targets = self.make_targets(labels, data_samples)
        weights = self.make_weights(logits, labels)
        losses = self.compute_losses(logits, targets, weights)
        return losses | accuracies(logits, self.modalities, labels, self.ignore_index)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict each sample at its original size.

        Args:
            inputs: (N, C, H, W).
            data_samples: Filled and returned; made where None.

        Returns:
            Samples with ``seg_logits`` (C, H, W) and ``pred_sem_seg`` (1, H, W) of the model's
            output, and ``pred_sem_seg_{branch}`` (1, H, W) of each branch.
        """
        logits = self._inference(inputs)
        output = self._output(logits)
        data_samples = data_samples or [SegDataSample() for _ in range(len(inputs))]
        restored = set_predictions(data_samples, output, logits, self.align_corners)
        if self.test_cfg.get('val_loss') and all('gt_sem_seg' in s for s in data_samples):
            val_loss = self._validation_loss(restored, data_samples)
            for sample in data_samples:
                sample.set_metainfo({'val_loss': val_loss})
        return data_samples

    def _validation_loss(
        self, restored: Mapping[str, list[Tensor]], data_samples: list[SegDataSample]
    ) -> float:
        """The loss of a batch with the labels as they are, of all branches."""
        logits, labels = common_size(restored, self.backbones, data_samples, self.ignore_index)
        targets = SegTargets.of_labels(labels, self.ignore_index)
        losses = self.compute_losses(logits, targets, UNWEIGHTED)
        return sum(loss.item() for loss in losses.values())
