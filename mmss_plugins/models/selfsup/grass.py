"""Contrastive pretraining with gradient-guided sampling."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor, nn

from mmss_plugins.models.selfsup.finite_loss import check_finite_loss
from mmss_plugins.models.selfsup.gradient_guide import VIEWS, GradientGuide
from mmss_plugins.models.selfsup.step_details import StepDetails
from mmss_plugins.registry import MODELS

STAGES = ('backbone', 'neck')
LEAST_CHANNELS = 8


@MODELS.register_module()
class GraSS(BaseSelfSupervisor):
    """SimCLR that, from some time on, trains on crops around what its loss comes from.

    Stage A is plain contrastive training on two views of each image. In stage B a guide pass comes
    first: the gradient of the loss with respect to the feature maps makes an attention map per
    view, each view is cropped to the map's discriminative region, and the training pass is done
    on the crops. The guide pass has no graph of the encoder and changes no gradient.
    ``GradientGuidedSamplingHook`` sets the stage; without it this is SimCLR.

    Both views make one batch, for BatchNorm as well. Accumulating gradients over iterations does
    not enlarge the batch in which views are compared; more processes do.
    Source: GraSS (https://arxiv.org/abs/2306.15868).

    Args:
        backbone (dict): Backbone config; the last output is (N, K, h, w).
        neck (dict): Config of ProjectionNeck, or of a neck with its ``pool`` and ``project``.
        head (dict): Config of InfoNCEHead.
        data_preprocessor (dict | None): Its type defaults to MultiBandSelfSupDataPreprocessor.
        guide (dict | None): Options of :class:`~mmss_plugins.models.selfsup.gradient_guide.
            GradientGuide`: ``ratio``, ``layer``, ``scale``, ``views``, ``batch_norm``,
            ``degenerate``. Defaults to None, all defaults.
        init_cfg (dict | list[dict] | None): MM's init config.

    Attributes:
        guided: Bool buffer, the stage: whether sampling is guided. False at first.
        keep_details: Whether to keep :attr:`details`. Defaults to False.
        details: :class:`StepDetails` of the last training step, or None.

    Raises:
        TypeError: If the neck is none with which the guide can work.
        ValueError: If an option of ``guide`` does not fit.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        data_preprocessor: dict | None = None,
        guide: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if data_preprocessor is None or isinstance(data_preprocessor, dict):
            default = {'type': 'mmss_plugins.MultiBandSelfSupDataPreprocessor'}
            data_preprocessor = default | dict(data_preprocessor or {})
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        if not (hasattr(self.neck, 'pool') and hasattr(self.neck, 'project')):
            raise TypeError(
                'neck must be mmss_plugins.ProjectionNeck, or have its methods pool and project '
                f'for the guide, but got {type(self.neck).__name__}'
            )
        self.guide = GradientGuide(**(guide or {}))
        self.guide.check_layer(self.backbone)
        self.register_buffer('guided', torch.tensor(False))
        self._channels_last = channels_last_is_safe(self.backbone)
        self.keep_details = False
        self.details: StepDetails | None = None

    def set_stage(self, guided: bool) -> None:
        """Plain contrastive training (False) or gradient-guided sampling (True)."""
        self.guided.fill_(guided)

    def extract_feat(
        self, inputs: Tensor | Sequence[Tensor], stage: str = 'backbone'
    ) -> tuple[Tensor, ...] | Tensor:
        """Features of images.

        Args:
            inputs: (N, C, H, W), or two views (B, C, H, W), which are taken as one batch,
                view-major.
            stage: 'backbone' or 'neck'. Defaults to 'backbone'.

        Returns:
            The backbone's tuple of feature maps, or the embeddings (N, D), not normalised.

        Raises:
            ValueError: If the stage is none of these.
        """
        if stage not in STAGES:
            raise ValueError(f'stage must be one of {STAGES}, but got {stage!r}')
        features = self.backbone(inputs if isinstance(inputs, Tensor) else view_major(inputs))
        return features if stage == 'backbone' else self.neck(features)

    def loss(self, inputs: Sequence[Tensor], data_samples: list | None = None) -> dict[str, Tensor]:
        """The training loss and, where sampling is guided, how it is.

        Args:
            inputs: Two views, (B, C, H, W) each.
            data_samples: To name samples in errors.

        Returns:
            Scalars. ``loss``; in stage B also, over the guided views: ``crop_area``, the mean part
            of a view that its box takes; ``kept_fraction``, the share of the views whose box is
            the whole view; ``degenerate_fraction``, the share of those whose map was not usable;
            ``map_entropy``, see :func:`~mmss_plugins.functional.map_entropy`.

        Raises:
            FloatingPointError: If a loss is not finite; names iteration, stage and samples.
            ValueError: If there are not two views of one shape.
        """
        self.details = None  # those of the last step would stay in memory through this one
        views = view_major(inputs)
        if (
            self._channels_last and views.device.type == 'cpu'
        ):  # a ResNet's step takes 0.85 of its time
            views = views.contiguous(memory_format=torch.channels_last)
        guided = bool(self.guided)
        batch, guidance, monitors = views, None, {}
        if guided:
            guidance = self.guide(self.backbone, self.neck, self.head, views)
            check_finite_loss(guidance.loss, 'B, guide pass', inputs, data_samples)
            batch, monitors = guidance.crops, guidance.monitors()
        embeddings = self.neck(self.backbone(batch))
        loss = self.head.loss(embeddings)
        stage = 'B, training pass' if guided else 'A'
        check_finite_loss(loss, stage, inputs, data_samples)
        if self.keep_details:
            found = (views, guidance.maps, guidance.boxes, guidance.crops) if guidance else ()
            self.details = StepDetails(embeddings.detach(), *found)
        return {'loss': loss, **monitors}


def channels_last_is_safe(network: nn.Module) -> bool:
    """Whether a network can be trained on the CPU with channels-last images.

    On CPUs without AVX-512, oneDNN (torch 2.13) writes beyond its memory in the backward pass of
    strided 1 x 1 convolutions of channels-last images with fewer than seven input channels, and
    the process crashes. Only very narrow networks, as tests build them, have such convolutions.
    """
    return not any(
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels < LEAST_CHANNELS
        for layer in network.modules()
    )


def view_major(inputs: Sequence[Tensor]) -> Tensor:
    """Two views (B, C, H, W) as one batch (2B, C, H, W), the first views first.

    Raises:
        ValueError: If there are not two of one shape.
    """
    shapes = [tuple(view.shape) for view in inputs]
    if isinstance(inputs, Tensor) or len(shapes) != VIEWS or shapes[0] != shapes[1]:
        raise ValueError(
            f'inputs must be {VIEWS} views (B, C, H, W) of one shape, but got {shapes}: make them '
            "with the transform MultiView(transforms=[...], num_views=[2]) and the data loader's "
            "collate_fn=dict(type='default_collate')"
        )
    return torch.cat(list(inputs))
