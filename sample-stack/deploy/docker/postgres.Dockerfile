# The shop's Postgres: what the official image has, without a start as root.
#   docker build -f sample-stack/deploy/docker/postgres.Dockerfile .
ARG POSTGRES_IMAGE=postgres:18-bookworm

FROM ${POSTGRES_IMAGE}
LABEL org.opencontainers.image.title="hopwatch shop: postgres" \
      org.opencontainers.image.description="The shop's database" \
      org.opencontainers.image.licenses="PostgreSQL"
COPY sample-stack/deploy/docker/postgres-init.sh /usr/local/bin/postgres-init
RUN mkdir -p /var/lib/postgresql/shop && chown -R postgres:postgres /var/lib/postgresql
# The folder of the data is made by postgres-init; a volume above it keeps its owner.
ENV PGDATA=/var/lib/postgresql/shop/data
USER postgres
EXPOSE 5432
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["pg_isready", "--quiet"]
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres"]
