#!/usr/bin/env bash
# Runs once, when the database server is new: a database and a login role for each subgraph, which
# may connect to its own database and to no other.
set -euo pipefail

psql() {
  command psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"
}

psql --command "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC"
for name in users courses learning; do
  variable="${name^^}_DATABASE_PASSWORD"
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set." >&2
    exit 1
  fi
  # The password goes in by the environment, since command lines are public.
  psql --set name="$name" --set variable="$variable" <<'SQL'
\getenv password :variable
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT, TEMPORARY ON DATABASE :"name" FROM PUBLIC;
SQL
done
