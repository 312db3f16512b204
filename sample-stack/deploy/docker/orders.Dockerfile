# The shop's Go services, and the migrations of its database: a static binary each, nothing else.
# From the root of the checkout:
#   docker build -f sample-stack/deploy/docker/orders.Dockerfile --target orders .
#   docker build -f sample-stack/deploy/docker/orders.Dockerfile --target payments .
#   docker build -f sample-stack/deploy/docker/orders.Dockerfile --target migrate .
ARG GO_IMAGE=golang:1.26-bookworm
ARG STATIC_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS go
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local

FROM go AS build-orders
WORKDIR /src
COPY sample-stack/orders-go/go.mod sample-stack/orders-go/go.sum ./
RUN go mod download
COPY sample-stack/orders-go ./
RUN go build -ldflags="-s -w" -o /out/ ./cmd/orders ./cmd/payments

FROM ${STATIC_IMAGE} AS orders
LABEL org.opencontainers.image.title="hopwatch shop: orders" \
      org.opencontainers.image.description="Catalog, stock, orders and payments over gRPC" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-orders /out/orders /orders
USER 65532:65532
# gRPC would wait for a TXT record of its target's name, which only a time-out ends where a
# network has no way out.
ENV ORDERS_LISTEN=0.0.0.0:15051 GRPC_ENABLE_TXT_SERVICE_CONFIG=false
EXPOSE 15051
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/orders", "-healthcheck"]
ENTRYPOINT ["/orders"]

FROM ${STATIC_IMAGE} AS payments
LABEL org.opencontainers.image.title="hopwatch shop: payments" \
      org.opencontainers.image.description="Payments over gRPC, where they are not within orders" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-orders /out/payments /payments
USER 65532:65532
ENV PAYMENTS_LISTEN=0.0.0.0:15053 GRPC_ENABLE_TXT_SERVICE_CONFIG=false
EXPOSE 15053
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/payments", "-healthcheck"]
ENTRYPOINT ["/payments"]

FROM go AS build-migrate
WORKDIR /src
COPY sample-stack/db/go.mod sample-stack/db/go.sum ./
RUN go mod download
COPY sample-stack/db ./
RUN go build -ldflags="-s -w" -o /out/shop-migrate ./cmd/shop-migrate

FROM ${STATIC_IMAGE} AS migrate
LABEL org.opencontainers.image.title="hopwatch shop: migrate" \
      org.opencontainers.image.description="Brings the shop's database up to date, then ends" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-migrate /out/shop-migrate /shop-migrate
USER 65532:65532
ENTRYPOINT ["/shop-migrate"]
