#!/bin/sh
# The role that the processes work as; what it may do, `daybook init --app-role daybook_app` grants.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set "password=$DAYBOOK_APP_PASSWORD" <<'SQL'
CREATE ROLE daybook_app LOGIN PASSWORD :'password';
SQL
