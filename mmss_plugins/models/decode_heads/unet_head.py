"""The U-Net decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmss_plugins.registry import MODELS


class UNetBlock(nn.Module):
    """Upsample, join with the encoder's feature map, convolve twice.

    Args:
        in_channels: Channels of the coarse map.
        skip_channels: Channels of the encoder's map; 0 where there is none.
        out_channels: Channels of the result.
        conv_cfg: Convolution config of MM's ConvModule.
        norm_cfg: Normalisation config of MM's ConvModule.
        act_cfg: Activation config of MM's ConvModule.
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        conv_cfg: dict | None,
        norm_cfg: dict | None,
        act_cfg: dict | None,
    ) -> None:
        super().__init__()
        cfg = {'padding': 1, 'conv_cfg': conv_cfg, 'norm_cfg': norm_cfg, 'act_cfg': act_cfg}
        self.conv1 = ConvModule(in_channels + skip_channels, out_channels, 3, **cfg)
        self.conv2 = ConvModule(out_channels, out_channels, 3, **cfg)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """Refine (N, in_channels, h, w) to the size of ``skip``, or to (2h, 2w) without one."""
        if skip is None:
            x = F.interpolate(x, scale_factor=2, mode='nearest')
        else:
            x = F.interpolate(x, size=skip.shape[2:], mode='nearest')
            x = torch.cat((x, skip), dim=1)
        return self.conv2(self.conv1(x))


@MODELS.register_module()
class UNetHead(BaseDecodeHead):
    """U-Net decoder (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597).

    One block per entry of ``decoder_channels``: nearest-neighbour upsampling, concatenation with
    the encoder's next finer map, two 3x3 conv-norm-ReLU. Where there are fewer encoder maps than
    blocks need, the last blocks have no skip. A 3x3 convolution gives the classes: with
    :class:`~mmss_plugins.models.backbones.StemResNet` at the input's resolution.

    Args:
        in_channels (Sequence[int]): Channels of the encoder's maps, fine to coarse.
        decoder_channels (Sequence[int]): Channels after each block.
            Defaults to (256, 128, 64, 32, 16).
        in_index (Sequence[int] | None): Which of the backbone's outputs to take; None for all.
        norm_cfg (dict | None): Normalisation. Defaults to BN.
        dropout_ratio (float): Dropout before the last convolution. Defaults to 0.
        loss_decode (dict | list[dict] | None): Losses, where the head trains by itself.
            Defaults to SoftCrossEntropyLoss.
        init_cfg (dict | list[dict] | None): Defaults to Kaiming uniform, Xavier at the end.
        **kwargs: Of MMSegmentation's BaseDecodeHead; ``num_classes`` is required.

    Raises:
        ValueError: If there are more encoder maps than the blocks can take.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        decoder_channels: Sequence[int] = (256, 128, 64, 32, 16),
        *,
        in_index: Sequence[int] | None = None,
        norm_cfg: dict | None = {'type': 'BN'},  # noqa: B006  (never changed)
        dropout_ratio: float = 0.0,
        loss_decode: dict | list[dict] | None = None,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        in_channels, decoder_channels = tuple(in_channels), tuple(decoder_channels)
        if not 0 < len(in_channels) <= len(decoder_channels) + 1:
            raise ValueError(
                f'in_channels has {len(in_channels)} encoder maps, but decoder_channels has '
                f'{len(decoder_channels)} blocks, which take 1 to {len(decoder_channels) + 1}: '
                f'change decoder_channels, or choose maps with in_index and in_channels'
            )
        super().__init__(
            in_channels,
            decoder_channels[-1],
            in_index=list(range(len(in_channels)) if in_index is None else in_index),
            input_transform='multiple_select',
            norm_cfg=norm_cfg,
            dropout_ratio=dropout_ratio,
            loss_decode=loss_decode or {'type': 'mmss_plugins.SoftCrossEntropyLoss'},
            init_cfg=init_cfg or _default_init_cfg(),
            **kwargs,
        )
        coarse_to_fine = in_channels[::-1]
        skips = coarse_to_fine[1:] + (0,) * (len(decoder_channels) - len(in_channels) + 1)
        inputs = coarse_to_fine[:1] + decoder_channels[:-1]
        self.blocks = nn.ModuleList(
            UNetBlock(*channels, self.conv_cfg, self.norm_cfg, self.act_cfg)
            for channels in zip(inputs, skips, decoder_channels, strict=True)
        )
        self.conv_seg = nn.Conv2d(self.channels, self.out_channels, kernel_size=3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Decode the encoder's maps.

        Args:
            inputs: The backbone's outputs, fine to coarse, each (N, C_i, H_i, W_i).

        Returns:
            Logits (N, num_classes, H, W).
        """
        x, *skips = self._transform_inputs(inputs)[::-1]
        for index, block in enumerate(self.blocks):
            x = block(x, skips[index] if index < len(skips) else None)
        return self.cls_seg(x)


def _default_init_cfg() -> list[dict]:
    return [
        {
            'type': 'Kaiming',
            'layer': 'Conv2d',
            'mode': 'fan_in',
            'distribution': 'uniform',
            'override': {'type': 'Xavier', 'name': 'conv_seg', 'distribution': 'uniform'},
        },
        {'type': 'Constant', 'layer': ['_BatchNorm', 'GroupNorm'], 'val': 1},
    ]
