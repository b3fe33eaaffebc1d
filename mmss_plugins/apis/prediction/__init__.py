"""Class maps of whole scenes: windows, blending, GeoTIFF in and out."""

from mmss_plugins.apis.prediction.predict_scene import PredictionOptions, predict_scene
from mmss_plugins.apis.prediction.scene_model import SceneModel
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.scene_files import find_scene

__all__ = ['PredictionOptions', 'RasterError', 'SceneModel', 'find_scene', 'predict_scene']
