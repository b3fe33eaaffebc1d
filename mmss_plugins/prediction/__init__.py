"""Class maps of whole scenes: windows, blending, GeoTIFF in and out."""

from .errors import SceneError
from .predict_scene import PredictionOptions, predict_scene
from .scene_files import find_scene
from .scene_model import SceneModel

__all__ = ['PredictionOptions', 'SceneError', 'SceneModel', 'find_scene', 'predict_scene']
