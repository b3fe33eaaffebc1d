# ImageNet's ResNet-50 (torchvision), both SAR bands with the mean of its stem.
init_cfg = dict(
    type='Pretrained', checkpoint='inflate://torchvision://resnet50?bands=s1:2&mode=mean'
)
