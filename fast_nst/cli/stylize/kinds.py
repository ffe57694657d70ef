"""The kinds of request, and which of them an option goes with."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Flag):
    """What a request is about; a mixed folder is two at once."""

    IMAGES = enum.auto()  # files
    PIPE = enum.auto()
    SHEET = enum.auto()
    VIDEO = enum.auto()
    CAMERA = enum.auto()  # on a screen
    RECORDING = enum.auto()  # a camera that goes to a file
    CLUSTER = enum.auto()


@dataclass(frozen=True)
class Use:
    """The kinds of request that an option goes with, and how a message calls them."""

    kinds: Kind
    whose: str


EVERYTHING = Use(~Kind(0), "everything")
IMAGES = Use(Kind.IMAGES, "images that go from file to file")
IMAGES_OUT = Use(Kind.IMAGES | Kind.PIPE | Kind.CLUSTER, "images that go to -o")
IMAGES_HERE = Use(Kind.IMAGES | Kind.PIPE | Kind.SHEET, "images")
GRIDS = Use(Kind.SHEET, "one image of many settings")
SHEETS = Use(Kind.SHEET, "images in files")
FILES = Use(Kind.IMAGES | Kind.VIDEO | Kind.CLUSTER, "files that go to -o")
WRITTEN = Use(~Kind.CAMERA, "what is written")
DEEP = Use(Kind.IMAGES | Kind.PIPE | Kind.CLUSTER | Kind.VIDEO, "images and videos in files")
VIDEOS = Use(Kind.VIDEO, "videos")
VIDEO_FILES = Use(Kind.VIDEO | Kind.RECORDING, "video files")
CAMERAS = Use(Kind.CAMERA | Kind.RECORDING, "cameras")
FRAMES = Use(Kind.VIDEO | Kind.CAMERA | Kind.RECORDING, "videos and cameras")
CLUSTERS = Use(Kind.CLUSTER, "--cluster")
