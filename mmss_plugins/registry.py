"""Child registries of MMEngine's roots, all in the scope ``mmss_plugins``.

The scope is the package's name, so MMEngine imports the package at the first look-up of
``type='mmss_plugins.X'``. That is often too late: MMEngine's Runner imports torchvision before it
builds anything, and with mmcv-lite a part of MMSegmentation that is built first does not import.
Configs therefore name the package in ``custom_imports``, which is imported with the config.
``locations`` are imported on the first look-up only.
"""

from mmengine import registry as root
from mmengine.registry import Registry

SCOPE = 'mmss_plugins'


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(
        name, parent=parent, scope=SCOPE, locations=[f'{SCOPE}.{place}' for place in locations]
    )


MODELS = _child('model', root.MODELS, 'models')
MODEL_WRAPPERS = _child('model_wrapper', root.MODEL_WRAPPERS, 'engine')
DATASETS = _child('dataset', root.DATASETS, 'datasets')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'engine')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'datasets.transforms')
LOOPS = _child('loop', root.LOOPS, 'engine')
HOOKS = _child('hook', root.HOOKS, 'engine')
METRICS = _child('metric', root.METRICS, 'evaluation')
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS, 'engine')
OPTIM_WRAPPERS = _child('optim_wrapper', root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine'
)
PARAM_SCHEDULERS = _child('parameter scheduler', root.PARAM_SCHEDULERS, 'engine')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'visualization')
