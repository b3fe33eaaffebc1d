# SimCLR R50 on LoveDA's towns: GraSS's settings and images, without its guidance.
_base_ = [
    '../_base_/default_runtime_selfsup.py',
    '../_base_/datasets/loveda-urban_selfsup.py',
    '../_base_/models/grass_r50.py',
    '../_base_/schedules/grass_350e.py',
]
