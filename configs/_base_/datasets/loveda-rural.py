# LoveDA's villages, otherwise as the towns.
_base_ = './loveda-urban.py'

dataset = dict(scene='rural')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
