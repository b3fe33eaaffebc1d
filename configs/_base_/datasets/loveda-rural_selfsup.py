# LoveDA's training images of villages without labels, for pretraining.
_base_ = './loveda-urban_selfsup.py'

train_dataloader = dict(dataset=dict(scene='rural'))
