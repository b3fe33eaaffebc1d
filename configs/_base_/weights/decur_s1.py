# DeCUR's Sentinel-1 encoder.
# Made by tools/convert/ssl4eo.py --encoder decur-s1 IN pretrained/decur_r50_s1.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/decur_r50_s1.pth')
