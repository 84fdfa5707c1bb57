#!/bin/sh
# Run once, by the image of PostgreSQL, when the database is made: the roles of the parts with their passwords. What they may do is
# granted by `gongkai db upgrade` (the service `migrate`). In a database that exists: `gongkai db roles`, docs/deployment.md.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set=worker="$WORKER_PASSWORD" --set=pages="$PAGES_PASSWORD" --set=reader="$READER_PASSWORD" <<'SQL'
create role gongkai_worker login noinherit password :'worker';
create role gongkai_pages login noinherit password :'pages';
create role gongkai_reader login noinherit password :'reader';
revoke create on schema public from public;
SQL
