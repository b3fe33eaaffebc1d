# DOFA's ViT-L/16, for any bands.
# Made by tools/convert/dofa.py IN pretrained/dofa_l16.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/dofa_l16.pth')
