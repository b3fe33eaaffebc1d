# ImageNet's ResNet-50 (torchvision), its stem made for 13 bands by wavelength.
init_cfg = dict(
    type='Pretrained', checkpoint='inflate://torchvision://resnet50?bands=s2:13&mode=wavelength'
)
