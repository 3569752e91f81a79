"""Container images without a registry and without a container engine: Debian packages, pip and buildah."""

from dev.images.buildah import Image, build
from dev.images.catalog import IMAGES, MODEL, OPERATOR

__all__ = ["IMAGES", "MODEL", "OPERATOR", "Image", "build"]
