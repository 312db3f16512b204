# What the docker runtime puts beside the services (pod/main.go says what for).
#   docker build -f sample-stack/deploy/docker/pod.Dockerfile .
ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local
WORKDIR /src
COPY sample-stack/deploy/docker/pod ./
RUN go build -ldflags="-s -w" -o /out/pod .

FROM scratch
LABEL org.opencontainers.image.title="hopwatch stack: pod" \
      org.opencontainers.image.description="Holds the network that a service's instances share" \
      org.opencontainers.image.licenses="Apache-2.0"
# In a folder of its own, which becomes the volume by which other containers have it.
COPY --from=build /out/pod /hopwatch/pod
USER 65532:65532
ENTRYPOINT ["/hopwatch/pod"]
CMD ["hold"]
