# DeCUR's Sentinel-2 encoder.
# Made by tools/convert/ssl4eo.py --encoder decur-s2 IN pretrained/decur_r50_s2.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/decur_r50_s2.pth')
