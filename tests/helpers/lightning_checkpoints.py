"""Checkpoints laid out as PyTorch Lightning writes them, with a real ``argparse.Namespace``."""

from argparse import Namespace
from collections import OrderedDict

import torch


def options(**more):
    """What the reference's parser gives."""
    return Namespace(
        data_path='/data/noldo', num_inputs=[2, 13], lr=5e-4, batch_size=128, epochs=200, seed=42,
        fuse_type='mid', use_cs=True, ls_facs=[0.15, 0.05], resume=None, save_dir='./', **more,
    )  # fmt: skip


def lightning(state, **hyper_parameters):
    """The content of ``epoch=199.ckpt``: the network is the module's ``net``.

    Args:
        state: The network's tensors.
        **hyper_parameters: Those of the module; by default its options, as ``args``.
    """
    weights = OrderedDict((f'net.{name}', tensor) for name, tensor in state.items())
    moments = {
        i: {'step': torch.tensor(9.0), 'exp_avg': torch.zeros(2), 'exp_avg_sq': torch.ones(2)}
        for i in range(3)
    }
    progress = {'ready': 200, 'completed': 200, 'started': 200, 'processed': 200}
    return {
        'epoch': 199,
        'global_step': 24_000,
        'pytorch-lightning_version': '2.1.0',
        'state_dict': weights,
        'loops': {
            'fit_loop': {
                'state_dict': {},
                'epoch_progress': {'total': progress, 'current': dict(progress)},
                'epoch_loop.state_dict': {'_batches_that_stepped': 24_000},
            },
            'validate_loop': {'state_dict': {}},
        },
        'callbacks': {
            "ModelCheckpoint{'monitor': None, 'mode': 'min', 'every_n_epochs': 10}": {
                'monitor': None,
                'best_model_score': torch.tensor(0.25),
                'best_model_path': '/results/epoch=199.ckpt',
                'current_score': None,
                'dirpath': '/results',
                'best_k_models': {'/results/epoch=199.ckpt': torch.tensor(0.25)},
                'kth_value': torch.tensor(float('inf')),
                'last_model_path': '',
            }
        },
        'optimizer_states': [
            {'state': moments, 'param_groups': [{'lr': 5e-4, 'betas': (0.9, 0.999), 'params': [0]}]}
        ],
        'lr_schedulers': [{'T_max': 200, 'base_lrs': [5e-4], 'last_epoch': 200, '_last_lr': [0.0]}],
        'MixedPrecision': {'scale': 65536.0, 'growth_factor': 2.0, '_growth_tracker': 12},
        'hparams_name': 'kwargs',
        'hyper_parameters': hyper_parameters or {'args': options()},
    }
