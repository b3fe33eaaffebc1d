"""Runs of a tiny segmentor whose encoder a hook freezes."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from helpers.tiny_segmentation import loader


@HOOKS.register_module(force=True)
class RecordEncoder(Hook):
    """Keeps the encoder's state before every iteration."""

    def __init__(self):
        self.states = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.states.append(state_of(runner))


def state_of(runner):
    return {k: v.clone() for k, v in runner.model.backbone.state_dict().items()}


MODEL = {
    'type': 'EncoderDecoder',
    'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
    'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'in_channels': 3,
                 'norm_eval': False, 'zero_init_residual': False},
    'decode_head': {'type': 'FCNHead', 'in_channels': 32, 'channels': 4, 'num_classes': 3,
                    'dropout_ratio': 0.0},
}  # fmt: skip


def make_runner(
    work_dir, hook, epochs=2, iters=0, model=MODEL, optim_wrapper=None, custom_hooks=(), **kwargs
):
    loop = {'type': 'EpochBasedTrainLoop', 'max_epochs': epochs}
    if iters:
        loop = {'type': 'IterBasedTrainLoop', 'max_iters': iters}
    adam = {'type': 'Adam', 'lr': 0.01, 'weight_decay': 0.1}
    return Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=loader(3),
        train_cfg=loop,
        optim_wrapper=optim_wrapper or {'optimizer': adam},
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': not iters},
            'encoder': hook,
        },
        custom_hooks=[{'type': 'RecordEncoder'}, *custom_hooks],
        default_scope='mmseg',
        experiment_name=work_dir.name,
        randomness={'seed': 0},
        **kwargs,
    )
