import cv2
import numpy as np
import pytest
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import (
    AimVisBackend,
    ClearMLVisBackend,
    DVCLiveVisBackend,
    LocalVisBackend,
    MLflowVisBackend,
    NeptuneVisBackend,
    TensorboardVisBackend,
    WandbVisBackend,
)
from PIL import Image

from mmss_plugins.visualization.backends import add_image

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
OTHERS = [
    AimVisBackend,
    ClearMLVisBackend,
    DVCLiveVisBackend,
    LocalVisBackend,
    NeptuneVisBackend,
    TensorboardVisBackend,
    WandbVisBackend,
]


class Files:
    """As MLflow logs an image: a file of the name, in the format that its suffix says."""

    def __init__(self, folder):
        self.folder = folder

    def log_image(self, image, name):
        Image.fromarray(image).save(self.folder / name)


def visualizer(*backends):
    made = Visualizer()
    made._vis_backends = dict(enumerate(backends))
    return made


def mlflow(folder):
    backend = MLflowVisBackend.__new__(MLflowVisBackend)  # the service itself is not installed
    backend._env_initialized, backend._mlflow = True, Files(folder)
    return backend


def test_mlflow_gets_a_file_for_each_step(tmp_path):
    local = LocalVisBackend(str(tmp_path / 'local'))
    both = visualizer(mlflow(tmp_path), local)
    for step in (3, 4):
        add_image(both, 'selection_0', IMAGE + np.uint8(step), step)
    for step in (3, 4):
        found = np.asarray(Image.open(tmp_path / f'selection_0_{step}.png'))
        np.testing.assert_array_equal(found, IMAGE + np.uint8(step))
        written = cv2.imread(str(tmp_path / f'local/vis_image/selection_0_{step}.png'))
        np.testing.assert_array_equal(written[..., ::-1], IMAGE + np.uint8(step))


@pytest.mark.parametrize('kind', OTHERS)
def test_other_backends_get_name_and_step_apart(kind, monkeypatch):
    calls = []
    monkeypatch.setattr(
        kind, 'add_image', lambda _, name, image, step=0, **__: calls.append((name, step))
    )
    add_image(visualizer(kind.__new__(kind)), 'guided_1', IMAGE, 7)
    assert calls == [('guided_1', 7)]
