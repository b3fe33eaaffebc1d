# Written by `make configs` from projects/configs/finetune.py; edit that file.
# DeepLabV3+ R50 on LoveDA Urban, from random weights, with 1 % of the labelled patches, drawn from
# all tiles by the seed. As many iterations as with all of them.
_base_ = './deeplabv3plus_r50_50e_loveda-urban.py'

subset = dict(fraction=0.01, seed=0, by='sample')
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=100,
        dataset=dict(**_base_.train_dataloader.dataset, subset=subset),
    )
)
