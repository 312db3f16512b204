# The analyzer: `serve` receives and stores, `dashboard` shows.
#   docker build -f sample-stack/deploy/docker/hopwatch.Dockerfile .
# Both bases must have the same Python, for compiled modules.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG PYTHON_RUN_IMAGE=gcr.io/distroless/python3-debian12:nonroot

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY bootstrap.lock ./
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r bootstrap.lock
COPY pyproject.toml requirements.lock ./
# The lock's versions and hashes, for the part of it that the analyzer needs.
RUN /uv/bin/uv pip install --no-cache --link-mode copy --compile-bytecode --python python3 \
        --target /out/packages --requirements pyproject.toml --extra dashboard \
        --constraint requirements.lock
COPY analyzer/hopwatch /out/hopwatch
COPY dashboards/hopwatch_dashboards /out/hopwatch_dashboards
RUN python3 -m compileall -q /out/hopwatch /out/hopwatch_dashboards

FROM ${PYTHON_RUN_IMAGE}
LABEL org.opencontainers.image.title="hopwatch" \
      org.opencontainers.image.description="A stopwatch for every hop of a request" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/packages /app/packages
COPY --from=build /out/hopwatch /app/hopwatch
COPY --from=build /out/hopwatch_dashboards /app/hopwatch_dashboards
ENV PYTHONPATH=/app:/app/packages PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 65532:65532
EXPOSE 4319 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/python3", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:4319/healthz', timeout=3)"]
ENTRYPOINT ["/usr/bin/python3", "-m", "hopwatch.cli"]
CMD ["serve", "--listen", "0.0.0.0:4319", "--store", "/var/lib/hopwatch"]
