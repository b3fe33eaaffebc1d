import numpy as np
import torch

from mmss_plugins.functional.feature_fusion import fuse_attention, fuse_concat, fuse_sum


def maps(count=3):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 4, 3, 5, generator=generator) for _ in range(count)]


def test_against_loops_over_pixels():
    features, scores = maps(), torch.randn(2, 3, 3, 5, generator=torch.Generator().manual_seed(1))
    arrays, logits = np.stack([f.numpy() for f in features]), scores.numpy()
    attended, added = np.zeros((2, 4, 3, 5)), np.zeros((2, 4, 3, 5))
    for n in range(2):
        for y in range(3):
            for x in range(5):
                exps = [np.exp(logits[n, m, y, x]) for m in range(3)]
                for m in range(3):
                    added[n, :, y, x] += arrays[m, n, :, y, x]
                    attended[n, :, y, x] += exps[m] / sum(exps) * arrays[m, n, :, y, x]
    np.testing.assert_allclose(fuse_sum(features).numpy(), added, atol=1e-5)
    np.testing.assert_allclose(fuse_attention(features, scores).numpy(), attended, atol=1e-5)


def test_concatenation_keeps_the_order():
    first, second = maps(2)
    fused = fuse_concat([first, second])
    assert torch.equal(fused[:, :4], first)
    assert torch.equal(fused[:, 4:], second)


def test_equal_scores_give_the_mean():
    features = maps()
    mean = torch.stack(features).mean(0)
    torch.testing.assert_close(fuse_attention(features, torch.full((2, 3, 3, 5), 7.0)), mean)
