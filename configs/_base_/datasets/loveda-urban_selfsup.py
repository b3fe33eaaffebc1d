# LoveDA's training images of towns without labels, for pretraining. They are few: cut into patches
# (tools/prepare/loveda.py data/LoveDA data/loveda_512 --size 512 --no-labels --splits Train), an
# epoch has four times as many.
_base_ = ['../views/rgb_224.py', '../loaders/contrastive.py']

train_dataloader = dict(
    dataset=dict(
        type='mmss_plugins.LoveDADataset',
        data_root='data/loveda_512/train.lmdb',
        scene='urban',
        labels=False,
        pipeline=_base_.train_pipeline,
    ),
)
