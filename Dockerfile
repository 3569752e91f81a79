# The operator's image.
#
# BASE_IMAGE is any Debian-like image with Python 3.11 or later at a fixed path and `python3 -m venv`. The default is the
# public Python image, pulled by whichever builder you use (`docker build .`). Where nothing can be pulled, `python -m
# dev.images operator` builds this same file on a base made from Debian packages.
ARG BASE_IMAGE=python:3.12-slim-bookworm

# All that depends on the lock files alone, so that a change of source costs seconds.
FROM ${BASE_IMAGE} AS dependencies
# pip lives in a venv of its own, so that the one that ships holds nothing but what the operator imports.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/modelrollout
COPY requirements-build.lock requirements.lock /src/
RUN /opt/pip/bin/pip install --require-hashes -r /src/requirements-build.lock
# The libraries' own tests are a tenth of their size and are never imported.
RUN /opt/pip/bin/pip --python /opt/modelrollout/bin/python3 install --require-hashes --only-binary :all: -r /src/requirements.lock \
 && find /opt/modelrollout -depth -type d -name tests -path '*/site-packages/*' -exec rm -r {} +

FROM dependencies AS build
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
# Installed below a prefix of its own, to become a small layer above the large one of the dependencies.
RUN /opt/pip/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel /src \
 && /opt/pip/bin/pip --python /opt/modelrollout/bin/python3 install --no-deps --no-index --prefix /package /wheel/*.whl

FROM ${BASE_IMAGE}
COPY --from=dependencies /opt/modelrollout /opt/modelrollout
COPY --from=build /package /opt/modelrollout
# Unbuffered: logs are read while the process runs. No bytecode is written at run time (the root file system is
# read-only); pip has compiled all of it above. Its matrices are small: threads for them would only wait for each other.
ENV PATH=/opt/modelrollout/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OPENBLAS_NUM_THREADS=1
# Numbers, not a name: runAsNonRoot can only check numbers.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["modelrollout"]
