#!/bin/sh
# Makes the cluster with an empty database `shop`, once. POSTGRES_PASSWORD is its superuser's.
set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
    exit 0
fi
new="$PGDATA.unfinished"
rm -rf "$new"
umask 077
printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
# Without sync it saves seconds; a crash of the machine right now costs an empty database.
initdb --pgdata "$new" --username=postgres --pwfile=/tmp/password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-instructions --no-sync
rm /tmp/password
# Its clients are other containers of the stack's network.
echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
echo 'CREATE DATABASE shop;' | postgres --single -D "$new" postgres
mv "$new" "$PGDATA"
