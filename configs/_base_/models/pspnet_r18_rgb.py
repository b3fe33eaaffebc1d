# PSPNet on a ResNet-18 of half width at stride 8, for 8-bit RGB, small patches and a laptop.
# Strides and dilations are those of the pretraining, grass_r18.py.
_base_ = './pspnet_r18_13b.py'

model = dict(
    data_preprocessor=dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    backbone=dict(in_channels=3, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
    decode_head=dict(num_classes=6),
)
