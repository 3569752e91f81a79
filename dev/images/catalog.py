"""The images of this repository, each with the files it is made of."""

from dev.images.buildah import Image

OPERATOR = Image(
    name="operator",
    dockerfile="Dockerfile",
    inputs=("requirements.lock", "requirements-build.lock", "pyproject.toml", "README.md", "LICENSE", "operator"),
)
MODEL = Image(
    name="model",
    dockerfile="dev/demo/Dockerfile",
    inputs=("dev/demo/requirements.lock", "dev/demo/digits"),
)
IMAGES = {image.name: image for image in (OPERATOR, MODEL)}
