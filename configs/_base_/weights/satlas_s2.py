# SatlasPretrain on nine bands of Sentinel-2, red, green and blue first.
# Made by tools/convert/satlas.py IN pretrained/satlas_r50_s2.pth
init_cfg = dict(type='Pretrained', checkpoint='pretrained/satlas_r50_s2.pth')
