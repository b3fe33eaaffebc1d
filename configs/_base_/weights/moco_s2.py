# SSL4EO-S12's MoCo on Sentinel-2.
# Made by tools/convert/ssl4eo.py --encoder moco IN pretrained/moco_r50_s2.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/moco_r50_s2.pth')
