"""A run continues from checkpoints of its own kind only."""

import copy

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, OptimWrapper, OptimWrapperDict
from torch import nn

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.transfer.resume_check import check_resumed, position

HUB = {'log_scalars': {}, 'runtime_info': {}, 'resumed_keys': {'train/loss': True}}


def parts(kind=torch.optim.Adam, layers=2, schedules=1):
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(layers)))
    wrapper = OptimWrapper(kind(model.parameters(), lr=0.1))
    return wrapper, [CosineAnnealingLR(wrapper, T_max=4) for _ in range(schedules)]


def content_of(wrapper, schedulers):
    return {
        'meta': {'epoch': 1, 'iter': 4, 'seed': 0},
        'optimizer': wrapper.state_dict(),
        'param_schedulers': [scheduler.state_dict() for scheduler in schedulers],
        'message_hub': copy.deepcopy(HUB),
    }


def test_what_a_run_saves_it_can_continue_from():
    wrapper, schedulers = parts()
    check_resumed(content_of(wrapper, schedulers), wrapper.state_dict(), schedulers, 'x.pth')
    both = OptimWrapperDict(a=wrapper, b=parts()[0])
    named = {'a': schedulers}
    content = content_of(both, [])
    content['param_schedulers'] = {'a': [s.state_dict() for s in schedulers]}
    check_resumed(content, both.state_dict(), named, 'x.pth')
    content['optimizer'].pop('b')
    with pytest.raises(CheckpointFileError, match='another run'):
        check_resumed(content, both.state_dict(), named, 'x.pth')


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        ({'layers': 3}, r'6 parameters in 1 groups \(6\).* gives 4 parameters'),
        ({'kind': torch.optim.SGD}, r"'momentum'.* gives 4 .*'betas'"),
        ({'schedules': 2}, 'param_schedulers: 2, but this config gives 1'),
        ({'schedules': 0}, 'param_schedulers: 0, but this config gives 1'),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(other, message):
    wrapper, schedulers = parts()
    with pytest.raises(CheckpointFileError, match=rf'x\.pth is of another run: .*{message}'):
        check_resumed(content_of(*parts(**other)), wrapper.state_dict(), schedulers, 'x.pth')


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        (['optimizer'], None),
        (['optimizer'], [1]),
        (['optimizer', 'param_groups'], 3),
        (['optimizer', 'param_groups'], ['x']),
        (['optimizer', 'state'], 'x'),
        (['param_schedulers'], 'x'),
        (['param_schedulers'], [{'last_step': 1}]),
        (['message_hub'], None),
        (['message_hub', 'runtime_info'], [1]),
        (['message_hub', 'resumed_keys'], {'train/loss': 'abc'}),
        (['meta', 'seed'], 'x'),
        (['meta'], [1]),
        (['meta', 'iter'], -5),
        (['meta', 'iter'], True),
        (['meta', 'epoch'], float('inf')),
    ],
)
def test_other_forms_are_refused_in_plain_words(path, value):
    wrapper, schedulers = parts()
    content = content_of(wrapper, schedulers)
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(CheckpointFileError, match=r'^x\.pth'):
        check_resumed(content, wrapper.state_dict(), schedulers, 'x.pth')


def test_the_position():
    assert position({'meta': {'epoch': 3, 'iter': 12}}, 'x.pth') == (3, 12)
