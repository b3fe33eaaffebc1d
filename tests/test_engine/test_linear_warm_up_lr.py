import numpy as np
import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn


@pytest.mark.parametrize('epoch_length', [1, 3, 7])
def test_the_line_reaches_the_rate_where_the_next_schedule_begins(epoch_length):
    optim = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=4.8)
    config = {'type': 'mmss_plugins.LinearWarmUpLR', 'start_factor': 0.125, 'end': 10,
              'convert_to_iter_based': True, 'epoch_length': epoch_length,
              'optimizer': optim}  # fmt: skip
    scheduler = PARAM_SCHEDULERS.build(config)
    values = []
    for _ in range(12 * epoch_length):
        values.append(optim.param_groups[0]['lr'])
        optim.step()
        scheduler.step()
    steps = np.minimum(np.arange(12 * epoch_length), 10 * epoch_length)
    np.testing.assert_allclose(values, 0.6 + 4.2 * steps / (10 * epoch_length), rtol=1e-10)
