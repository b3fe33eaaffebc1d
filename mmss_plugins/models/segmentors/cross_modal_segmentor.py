"""Segmentation of co-registered modalities that teach each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from mmss_plugins.models.segmentors.restore import (
    mean_probability_logits,
    pad_to_common_size,
    prediction_fields,
    restore_logits,
)
from mmss_plugins.models.segmentors.sample_selection import SampleSelection
from mmss_plugins.models.segmentors.sliding_windows import slide
from mmss_plugins.models.segmentors.targets import UNWEIGHTED, PixelWeights, SegTargets
from mmss_plugins.models.segmentors.test_options import WINDOW_OPTIONS, check_test_cfg
from mmss_plugins.registry import MODELS

FUSIONS = ('mid', 'late')
SHARED = 'shared'  # key of the one decode head of middle fusion
TEST_OPTIONS = ('predict', 'val_loss', *WINDOW_OPTIONS)


@MODELS.register_module()
class CrossModalSegmentor(BaseSegmentor):
    """One encoder per modality, a shared or a separate decoder, and modalities that teach.

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
        test_cfg (dict | None): ``predict`` tells which prediction is the model's answer: a
            modality, 'common', or 'mean', the mean of the modalities' probabilities, which leaves
            the common branch out (default). With ``val_loss=True`` each predicted sample that has
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
        if train_cfg or pretrained:
            raise ValueError(
                'CrossModalSegmentor reads neither train_cfg nor pretrained, but got '
                f'{train_cfg!r} and {pretrained!r}: leave them out, and give backbones their '
                'weights by init_cfg'
            )
        check_test_cfg(test_cfg, TEST_OPTIONS)
        if fusion not in FUSIONS:
            raise ValueError(f'fusion must be one of {FUSIONS}, but got {fusion!r}')
        self.fusion = fusion
        self.modalities = tuple(backbones)
        self.train_cfg = train_cfg
        self.test_cfg = dict(test_cfg or {})
        self.backbones, self.channels = build_backbones(backbones, common)
        self.predict_from = self.test_cfg.get('predict', 'mean')
        if self.predict_from not in ('mean', *self.backbones):
            raise ValueError(
                f"test_cfg.predict must be 'mean' or one of the branches "
                f'{tuple(self.backbones)}, but got {self.predict_from!r}'
            )
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
    def decode_head(self) -> nn.Module:
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
            if being_traced() or logits[name].shape[2:] != inputs.shape[2:]:
                logits[name] = F.interpolate(
                    logits[name],
                    size=inputs.shape[2:],
                    mode='bilinear',
                    align_corners=self.align_corners,
                )
        return logits

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:  # noqa: ARG002
        """Logits (N, num_classes, H, W) of the model's answer."""
        return self._answer(self._forward(inputs))

    def _inference(self, inputs: Tensor) -> dict[str, Tensor]:
        """Logits (N, num_classes, H, W) of each branch, of the whole image or by windows."""
        if self.test_cfg.get('mode') != 'slide':
            return self._forward(inputs)
        return slide(self._forward, inputs, self.test_cfg['crop_size'], self.test_cfg['stride'])

    def _answer(self, logits: Mapping[str, Tensor]) -> Tensor:
        if self.predict_from == 'mean':
            return mean_probability_logits([logits[name] for name in self.modalities])
        return logits[self.predict_from]

    def make_targets(
        self, labels: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> SegTargets:
        """What training learns from: the labels (N, H, W), smoothed if the model smooths them.

        Args:
            labels: (N, H, W) class indices.
            data_samples: The samples, with their ``smoothing_prior`` where it is used.

        Returns:
            The targets.
        """
        if self.smoothing is None:
            return SegTargets(labels, labels == self.ignore_index)
        return self.smoothing.targets(labels, data_samples, self.num_classes, self.ignore_index)

    def make_weights(self, logits: Mapping[str, Tensor], labels: Tensor) -> PixelWeights:
        """How much each pixel counts in training: all alike, if the model does not select.

        Args:
            logits: (N, C, H, W) per branch.
            labels: (N, H, W) class indices.

        Returns:
            The weights, without gradient.
        """
        if self.selection is None:
            return UNWEIGHTED
        teaching = self.consistency is not None and len(self.modalities) > 1
        return self.selection.weights(logits, labels, self.modalities, self.ignore_index, teaching)

    def compute_losses(
        self, logits: Mapping[str, Tensor], targets: SegTargets, weights: PixelWeights
    ) -> dict[str, Tensor]:
        """All losses, named ``{branch}.{loss_name}``: see :func:`branch_losses`."""
        return branch_losses(
            logits,
            self.modalities,
            targets,
            weights,
            self.losses,
            self.consistency,
            self.ignore_index,
        )

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Training losses, and how far the branches agree with the labels and with each other.

        Args:
            inputs: (N, C, H, W).
            data_samples: With ``gt_sem_seg``.

        Returns:
            Scalars; those with 'loss' in the name sum up to the total.

        Raises:
            FloatingPointError: If logits are not finite; names the branch and the samples.
            ValueError: If a label is no class; names the samples.
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
            answer, and ``pred_sem_seg_{branch}`` (1, H, W) of each branch.
        """
        logits = self._inference(inputs)
        answer = self._answer(logits)
        if data_samples is None:
            data_samples = [SegDataSample() for _ in range(len(inputs))]
        restored = {
            name: [
                restore_logits(item, sample.metainfo, self.align_corners)
                for item, sample in zip(batch, data_samples, strict=True)
            ]
            for name, batch in logits.items()
        }
        for index, sample in enumerate(data_samples):
            seg_logits = restore_logits(answer[index], sample.metainfo, self.align_corners)
            each = {name: items[index] for name, items in restored.items()}
            sample.set_data(prediction_fields(seg_logits, each))
        if self.test_cfg.get('val_loss') and all('gt_sem_seg' in s for s in data_samples):
            self._attach_validation_loss(restored, data_samples)
        return data_samples

    def _attach_validation_loss(
        self, restored: Mapping[str, list[Tensor]], data_samples: list[SegDataSample]
    ) -> None:
        """Write the batch's loss, with the labels as they are, to each sample's ``val_loss``."""
        if len(restored) < len(self.backbones):
            raise ValueError(
                f'test_cfg.val_loss needs the channels of all modalities {self.modalities}, '
                f'but the input holds {tuple(restored)} only'
            )
        # Samples of different sizes are padded with ignored pixels, which count in no loss.
        logits = {name: pad_to_common_size(items, 0) for name, items in restored.items()}
        labels = pad_to_common_size(
            [sample.gt_sem_seg.data.squeeze(0) for sample in data_samples], self.ignore_index
        )
        targets = SegTargets(labels, labels == self.ignore_index)
        losses = self.compute_losses(logits, targets, UNWEIGHTED)
        total = sum(loss.item() for loss in losses.values())
        for sample in data_samples:
            sample.set_metainfo({'val_loss': total})
