# SatMAE's ViT-L/8 on ten bands of Sentinel-2.
# Made by tools/convert/satmae.py IN pretrained/satmae_l8.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/satmae_l8.pth')
