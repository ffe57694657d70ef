"""Repaint a camera, live: ``stylize_camera(stylizer, "camera:0")``."""

from fast_nst.apps.camera.live import CameraProgress, CameraReport, stylize_camera

__all__ = ["CameraProgress", "CameraReport", "stylize_camera"]
