# Multi-stage: pip and its leftovers stay behind, what runs is Python, the locked packages and the code.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
COPY requirements.lock /tmp/requirements.lock
# A virtual environment, because Debian's own pip installs elsewhere than the official image's. It has no
# pip inside: the base image's installs into it.
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --require-hashes -r /tmp/requirements.lock

FROM ${BASE}
ENV PATH="/opt/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FLASK_APP=app \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /srv/app
COPY --from=packages /opt/venv /opt/venv
COPY . .
# The only folder that may be written; production keeps neither database nor photos in it.
RUN mkdir -p instance && chown 10001:10001 instance
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
# Exec form: gunicorn is process 1 and gets SIGTERM itself. The worker is the same image with the command
# `flask worker`, a migration the same with `flask db upgrade`.
CMD ["gunicorn", "-c", "gunicorn.conf.py"]
