import pytest
import torch
from torch import nn

from mmss_plugins.models.selfsup.embedding_recorder import EmbeddingRecorder, image_vectors

N, D = 3, 5
VECTORS, TOKENS, MAPS = torch.rand(N, D), torch.rand(N, 4, D), torch.rand(N, D, 2, 2)
MASK, PLACES = torch.rand(N, 4), torch.arange(12).reshape(N, 4)


@pytest.mark.parametrize(
    ('output', 'expected'),
    [
        (VECTORS, VECTORS),
        ((VECTORS, MAPS), MAPS.mean((2, 3))),
        ([MAPS[:, :2], MAPS], MAPS.mean((2, 3))),
        ((TOKENS, MASK, PLACES), TOKENS.mean(1)),
        (TOKENS, TOKENS.mean(1)),
        ((PLACES,), None),
        ('text', None),
    ],
)
def test_vectors_of_backbones(output, expected):
    found = image_vectors(output, pool=True)
    assert (found is None) == (expected is None)
    if expected is not None:
        torch.testing.assert_close(found, expected)


def test_only_vectors_of_necks_count():
    assert image_vectors([TOKENS], pool=False) is None  # a decoder's
    assert image_vectors([VECTORS, MAPS], pool=False) is not None  # DenseCL's: global, then dense


class Masked(nn.Module):
    """As masked image modelling: the neck decodes to pixels of tokens."""

    def __init__(self):
        super().__init__()
        self.backbone, self.neck = nn.Linear(4, D), nn.Linear(D, 12)

    def forward(self, x):
        return self.neck(self.backbone(x))


def test_a_decoder_leaves_the_features_of_the_backbone():
    model, x = Masked(), torch.rand(N, 7, 4)
    recorder = EmbeddingRecorder(model)
    model(x)
    torch.testing.assert_close(recorder.close(), model.backbone(x).mean(1))
    assert not model.backbone._forward_hooks
    assert not model.neck._forward_hooks


def test_nothing_called_is_nothing_found():
    assert EmbeddingRecorder(Masked()).close() is None
