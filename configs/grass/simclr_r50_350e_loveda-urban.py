# Written by `make configs` from projects/configs/pretraining.py; edit that file.
# SimCLR R50 on LoveDA Urban: the settings and images of GraSS without its guidance.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/loveda-urban_selfsup.py',
    '../_base_/models/grass_r50.py',
    '../_base_/schedules/grass_350e.py',
]
