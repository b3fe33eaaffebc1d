# SSL4EO-S12's DINO on Sentinel-2.
# Made by tools/convert/ssl4eo.py --encoder dino IN pretrained/dino_r50_s2.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/dino_r50_s2.pth')
