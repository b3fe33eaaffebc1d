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

from mmss_plugins.registry import MODELS

from .channels import backbone_channels, split_channels
from .restore import (
    mean_probability_logits,
    pad_to_common_size,
    prediction_fields,
    restore_logits,
)
from .targets import UNWEIGHTED, PixelWeights, SegTargets

FUSIONS = ('mid', 'late')
SHARED = 'shared'  # key of the one decode head of middle fusion


@MODELS.register_module()
class CrossModalSegmentor(BaseSegmentor):
    """One encoder per modality, a shared or a separate decoder, and mutual consistency.

    The total loss is the sum over the modalities of the segmentation losses and of the consistency
    with each other modality, whose predictions are held fixed. With more than two modalities a
    student's consistency is the mean over its teachers; with one there is none.
    Source: CromSS (https://arxiv.org/abs/2405.01217).

    Args:
        backbones (dict[str, dict]): Backbone config per modality. The input's channels are split
            among them in this order, by each backbone's ``in_channels``.
        decode_head (dict): Decode head config.
        fusion (str): 'mid' shares the decode head among the modalities, 'late' gives each its own.
            Defaults to 'mid'.
        losses (Sequence[dict]): Segmentation losses, with MMSegmentation's loss signature.
        consistency (dict | None): Consistency loss, or None for none. Defaults to None.
        train_cfg (dict | None): Not used, for MM's sake.
        test_cfg (dict | None): ``predict`` tells which prediction is the model's answer: a modality
            or 'mean', the mean of all modalities' probabilities (default). With ``val_loss=True``
            each predicted sample that has labels carries its batch's loss in the metainfo
            ``val_loss``.
        data_preprocessor (dict | None): Data preprocessor config.
        init_cfg (dict | list[dict] | None): MM's init config.

    Raises:
        ValueError: If ``fusion`` or ``test_cfg.predict`` is unknown.
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
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if fusion not in FUSIONS:
            raise ValueError(f'fusion must be one of {FUSIONS}, but got {fusion!r}')
        self.fusion = fusion
        self.modalities = tuple(backbones)
        self.train_cfg = train_cfg
        self.test_cfg = dict(test_cfg or {})
        self.predict_from = self.test_cfg.get('predict', 'mean')
        if self.predict_from not in ('mean', *self.modalities):
            raise ValueError(
                f"test_cfg.predict must be 'mean' or one of the modalities "
                f'{self.modalities}, but got {self.predict_from!r}'
            )
        # MMEngine's ModuleDict: through torch's own, init_weights would not reach the parts.
        self.backbones = ModuleDict(
            {name: MMSEG_MODELS.build(cfg) for name, cfg in backbones.items()}
        )
        self.channels = {
            name: backbone_channels(cfg, self.backbones[name]) for name, cfg in backbones.items()
        }
        heads = (SHARED,) if fusion == 'mid' else self.modalities
        self.decode_heads = ModuleDict({name: MMSEG_MODELS.build(decode_head) for name in heads})
        self.losses = nn.ModuleList(MMSEG_MODELS.build(loss) for loss in losses)
        self.consistency = MMSEG_MODELS.build(consistency) if consistency else None
        self.align_corners = self.decode_head.align_corners
        self.num_classes = self.decode_head.num_classes
        self.out_channels = self.decode_head.out_channels
        self.ignore_index = self.decode_head.ignore_index

    @property
    def decode_head(self) -> nn.Module:
        """The shared decode head, or the first modality's."""
        return next(iter(self.decode_heads.values()))

    def extract_feat(self, inputs: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """Feature maps of each modality, fine to coarse.

        Args:
            inputs: (N, C, H, W); C is the sum of all backbones' channels, or in evaluation those
                of the modality ``test_cfg.predict`` alone.

        Raises:
            ValueError: If the number of channels is another.
        """
        alone = None if self.training or self.predict_from == 'mean' else self.predict_from
        parts = split_channels(inputs, self.channels, alone)
        return {name: self.backbones[name](part) for name, part in parts.items()}

    def _forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Logits (N, num_classes, H, W) of each modality, at the input's size."""
        logits = {}
        for name, features in self.extract_feat(inputs).items():
            head = self.decode_heads[SHARED if self.fusion == 'mid' else name]
            logits[name] = head(features)
            if logits[name].shape[2:] != inputs.shape[2:]:
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

    def _answer(self, logits: Mapping[str, Tensor]) -> Tensor:
        if self.predict_from == 'mean':
            return mean_probability_logits(list(logits.values()))
        return logits[self.predict_from]

    def make_targets(
        self,
        labels: Tensor,
        data_samples: list[SegDataSample] | None,  # noqa: ARG002
    ) -> SegTargets:
        """What training learns from: here the labels as they are.

        Args:
            labels: (N, H, W) class indices.
            data_samples: The samples, for what else they carry about their labels.

        Returns:
            The targets.
        """
        return SegTargets(labels, labels == self.ignore_index)

    def make_weights(
        self,
        logits: Mapping[str, Tensor],  # noqa: ARG002
        targets: SegTargets,  # noqa: ARG002
        labels: Tensor,  # noqa: ARG002
    ) -> PixelWeights:
        """How much each pixel counts in training: here all alike.

        Args:
            logits: (N, C, H, W) per modality.
            targets: What the losses learn from.
            labels: (N, H, W) class indices.

        Returns:
            The weights.
        """
        return UNWEIGHTED

    def compute_losses(
        self, logits: Mapping[str, Tensor], targets: SegTargets, weights: PixelWeights
    ) -> dict[str, Tensor]:
        """All losses, named ``{modality}.{loss_name}``.

        Args:
            logits: (N, C, H, W) per modality.
            targets: What the segmentation losses learn from.
            weights: Pixel weights.

        Returns:
            Scalars; their sum is the total loss.
        """
        losses: dict[str, Tensor] = {}
        hard = not targets.target.is_floating_point()
        extra = {} if hard else {'ignore_mask': targets.ignored}
        for student in logits:
            for module in self.losses:
                loss = module(
                    logits[student],
                    targets.target,
                    weight=weights.segmentation.get(student),
                    ignore_index=self.ignore_index,
                    **extra,
                )
                name = f'{student}.{module.loss_name}'
                losses[name] = losses[name] + loss if name in losses else loss
            teachers = [name for name in logits if name != student]
            if self.consistency is not None and teachers:
                pairs = [
                    self.consistency(
                        logits[student],
                        logits[teacher],
                        weight=weights.consistency.get(teacher),
                        valid=~targets.ignored,
                    )
                    for teacher in teachers
                ]
                name = f'{student}.{self.consistency.loss_name}'
                losses[name] = torch.stack(pairs).mean()
        return losses

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Training losses, and the share of pixels where each modality agrees with the labels.

        Args:
            inputs: (N, C, H, W).
            data_samples: With ``gt_sem_seg``.

        Returns:
            Scalars; those with 'loss' in the name sum up to the total.
        """
        labels = torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in data_samples])
        logits = self._forward(inputs)
        targets = self.make_targets(labels, data_samples)
        weights = self.make_weights(logits, targets, labels)
        losses = self.compute_losses(logits, targets, weights)
        valid = labels != self.ignore_index
        for name, prediction in logits.items():
            correct = ((prediction.argmax(dim=1) == labels) & valid).sum()
            losses[f'{name}.acc_seg'] = 100 * correct / valid.sum().clamp_min(1)
        return losses

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict each sample at its original size.

        Args:
            inputs: (N, C, H, W).
            data_samples: Filled and returned; made where None.

        Returns:
            Samples with ``seg_logits`` (C, H, W) and ``pred_sem_seg`` (1, H, W) of the model's
            answer, and ``pred_sem_seg_{modality}`` (1, H, W) of each modality.
        """
        logits = self._forward(inputs)
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
        if len(restored) < len(self.modalities):
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
