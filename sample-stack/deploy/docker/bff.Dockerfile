# The shop's back end for the front end, and the page it serves.
#   docker build -f sample-stack/deploy/docker/bff.Dockerfile .
ARG NODE_IMAGE=node:24-bookworm-slim
ARG NODE_RUN_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${NODE_IMAGE} AS manifests
WORKDIR /src
COPY sample-stack/package.json sample-stack/package-lock.json sample-stack/.npmrc ./
COPY sample-stack/shared/package.json shared/
COPY sample-stack/bff/package.json bff/
# The lock is of all workspaces, so npm asks for this one too.
COPY sample-stack/orders-node/package.json orders-node/
COPY sample-stack/web/package.json web/

FROM manifests AS build
RUN npm ci
COPY sample-stack/tsconfig.base.json ./
COPY sample-stack/shared shared
COPY sample-stack/bff bff
COPY sample-stack/web web
RUN npm run build --workspace shared --workspace bff --workspace web

FROM manifests AS modules
RUN npm ci --omit=dev --workspace bff --include-workspace-root=false

FROM ${NODE_RUN_IMAGE}
LABEL org.opencontainers.image.title="hopwatch shop: bff" \
      org.opencontainers.image.description="The shop's page and its back end" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app/bff
COPY --from=modules /src/node_modules /app/node_modules
COPY --from=build /src/shared/package.json /app/shared/
COPY --from=build /src/shared/dist /app/shared/dist
COPY --from=build /src/bff/package.json /app/bff/
COPY --from=build /src/bff/dist /app/bff/dist
COPY --from=build /src/web/dist/browser /app/web
USER 65532:65532
ENV BFF_LISTEN=0.0.0.0:8080 WEB_ROOT=/app/web
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
    CMD ["/nodejs/bin/node", "dist/healthcheck.js"]
ENTRYPOINT ["/nodejs/bin/node"]
# As in bff/package.json.
CMD ["--optimize-for-size", "--require", "./dist/otel.cjs", "dist/main.js"]
