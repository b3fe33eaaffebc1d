# PSPNet R50 for 8-bit RGB. Normalised as in GraSS pretraining: ImageNet's mean and std, here after
# the division by 255, in the order R, G, B in which the images come.
_base_ = './pspnet_r50_13b.py'

model = dict(
    data_preprocessor=dict(
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
        size=(512, 512),  # pads training images that random resizing has made smaller
    ),
    backbone=dict(in_channels=3),
    decode_head=dict(num_classes=6),
)
