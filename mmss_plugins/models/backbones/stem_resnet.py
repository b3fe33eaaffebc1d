"""A ResNet whose outputs include the stem's feature map."""

from __future__ import annotations

from mmseg.models.backbones import ResNet
from torch import Tensor

from mmss_plugins.registry import MODELS


@MODELS.register_module()
class StemResNet(ResNet):
    """MMSegmentation's plain ResNet with one more output in front: the stem's, at stride 2.

    The stem is a 7x7 convolution with stride 2, normalisation and ReLU; its output is taken
    before the max pooling. Parameter names are those of MMSegmentation's ResNet, so one loads the
    other's weights. Takes all of that ResNet's arguments but ``deep_stem``.

    The outputs are (N, stem_channels, H/2, W/2), then the stages of ``out_indices``
    at strides 4, 8, 16, 32 (fewer with dilation).
    """

    def __init__(self, depth: int, in_channels: int = 3, **kwargs) -> None:
        if kwargs.get('deep_stem'):
            raise ValueError('StemResNet has the plain 7x7 stem: deep_stem=True is not possible')
        super().__init__(depth=depth, in_channels=in_channels, **kwargs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the feature maps.

        Args:
            x: (N, in_channels, H, W).

        Returns:
            The stem's feature map and those of the stages, fine to coarse.
        """
        x = self.relu(self.norm1(self.conv1(x)))
        # ReLU inside the stages may work in place, but only on their own tensors: the stem's
        # output reaches them through the max pooling, which makes a new one.
        features = [x]
        x = self.maxpool(x)
        for index, layer_name in enumerate(self.res_layers):
            x = getattr(self, layer_name)(x)
            if index in self.out_indices:
                features.append(x)
        return tuple(features)

    def train(self, mode: bool = True) -> StemResNet:
        """Set the mode as MMSegmentation's does, and return the module as PyTorch's does."""
        super().train(mode)
        return self
