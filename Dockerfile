# syntax=docker/dockerfile:1
# One image for web, worker and release: docs/deployment/docker.md says what is in it.
# How it was checked without a container engine: docs/testing.md.

FROM python:3.13-slim-trixie AS build
# requirements-observability.txt adds what traces and Sentry need: docs/operations.md.
ARG REQUIREMENTS=requirements.txt
ENV PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY deploy/build_runtime.sh deploy/
COPY requirements.txt requirements-observability.txt ./
RUN deploy/build_runtime.sh packages /app "$REQUIREMENTS"
COPY app.py gunicorn.conf.py ./
COPY incidentbot incidentbot
COPY migrations migrations
COPY templates templates
COPY static static
RUN deploy/build_runtime.sh app /app

FROM python:3.13-slim-trixie
# tini passes signals on, so that SIGTERM drains requests and deliveries, and buries orphans.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && pip uninstall --yes --quiet --root-user-action ignore pip \
 && groupadd --system --gid 10001 incidentbot \
 && useradd --system --uid 10001 --gid 10001 --home-dir /app --shell /usr/sbin/nologin incidentbot
WORKDIR /app
# The app cannot change itself: these files are root's.
COPY --from=build /app /app
# Where SQLite's file lies when there is no DATABASE_URL: mount a volume here.
RUN install --directory --owner 10001 instance
# PYTHONPATH: who is let in by SSH (Fly.io, ECS Exec) begins in another folder, and has `flask --app app` too.
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOG_FORMAT=json \
    PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["gunicorn", "app:app"]
