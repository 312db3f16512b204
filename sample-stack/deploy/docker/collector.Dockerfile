# The collector of collector/builder.yaml, with its configuration.
#   docker build -f sample-stack/deploy/docker/collector.Dockerfile .
ARG GO_IMAGE=golang:1.26-bookworm
ARG STATIC_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local
WORKDIR /src/pod
COPY sample-stack/deploy/docker/pod ./
RUN go build -ldflags="-s -w" -o /out/pod .
WORKDIR /src/tools
COPY collector/tools ./
RUN go build -o /out/builder go.opentelemetry.io/collector/cmd/builder
WORKDIR /src/collector
COPY collector/builder.yaml ./
RUN /out/builder --config builder.yaml --skip-compilation --skip-get-modules
# The locked modules, not those that the builder would choose today.
COPY collector/go.mod collector/go.sum ./
RUN go build -ldflags="-s -w" -o /out/otelcol-hopwatch .

FROM ${STATIC_IMAGE}
LABEL org.opencontainers.image.title="hopwatch shop: collector" \
      org.opencontainers.image.description="OpenTelemetry Collector of the hopwatch sample stack" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/pod /pod
COPY --from=build /out/otelcol-hopwatch /otelcol-hopwatch
COPY collector/config.yaml /etc/otelcol/config.yaml
USER 65532:65532
ENV COLLECTOR_GRPC_LISTEN=0.0.0.0:4317 COLLECTOR_HTTP_LISTEN=0.0.0.0:4318 \
    COLLECTOR_HEALTH_LISTEN=0.0.0.0:13133 COLLECTOR_QUEUE_DIR=/var/lib/otelcol
EXPOSE 4317 4318 13133
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
    CMD ["/pod", "answers", "127.0.0.1:13133", "/healthz"]
ENTRYPOINT ["/otelcol-hopwatch"]
CMD ["--config", "/etc/otelcol/config.yaml"]
