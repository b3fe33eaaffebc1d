import pytest
from mmseg.models.backbones import ResNet, ResNetV1c
from torch import nn

from mmss_plugins.checkpoints.transfer.stem_channels import stem_channels


@pytest.mark.parametrize('kind', [ResNet, ResNetV1c])
def test_of_plain_and_deep_stems(kind):
    assert stem_channels(kind(depth=18, in_channels=5, base_channels=4)) == 5


def test_other_encoders_do_not_tell():
    assert stem_channels(nn.Sequential(nn.Conv2d(3, 4, 1))) is None
    assert stem_channels(None) is None
