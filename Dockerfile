# A faber-db worker. Debian, since Temporal's native core has no build for musl.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
# pg_dump refuses servers newer than itself: give the major of the newest server that this worker is to back up.
ARG POSTGRESQL_MAJOR=17
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-common ca-certificates zstd \
 && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
 && apt-get install -y --no-install-recommends postgresql-client-${POSTGRESQL_MAJOR} \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/bin bin
RUN mkdir /backups && chown node:node /backups
USER node
ENV NODE_ENV=production
CMD ["node", "dist/worker.js"]
