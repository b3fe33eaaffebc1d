"""The private attributes that are read exist in the installed MMEngine."""

import pytest
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmss_plugins.compat import mmengine_state as state

pytestmark = pytest.mark.smoke  # the stacks may differ here


class Model(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    yield Runner(Model(), str(tmp_path), resume=True, experiment_name=tmp_path.name)
    DefaultScope._instance_dict.clear()


def test_a_new_runner_has_built_and_loaded_nothing(runner):
    assert state.built_loop(runner) is None
    assert not state.is_training_run(runner)
    assert not state.is_loaded(runner)
    assert state.is_resuming(runner)
    assert state.checkpoint_to_load(runner) is None


def test_resume_from_a_checkpoint_or_from_none(runner):
    state.resume_from(runner, 'epoch_3.pth')
    assert (state.is_resuming(runner), state.checkpoint_to_load(runner)) == (True, 'epoch_3.pth')
    state.resume_from(runner, None)
    assert not state.is_resuming(runner)
