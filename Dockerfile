# syntax=docker/dockerfile:1
# docker build --target production -t redshank .      (development: the sources, with all tools)

FROM node:22.21.1-bookworm-slim AS sources
WORKDIR /app
# Native packages that have no build for this machine are built here, and nowhere else.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./

FROM sources AS development
RUN npm ci
COPY . .
RUN chown -R 1000:1000 /app && install -d -o 1000 -g 1000 /data
ENV ENVIRONMENT=development HOST=0.0.0.0 DATA_DIR=/data
USER 1000:1000
EXPOSE 8080 9090
CMD ["node", "bin/redshank.js", "start"]

FROM sources AS build
RUN npm ci
COPY . .
RUN npm run build \
 && npm sbom --omit=dev --sbom-format=cyclonedx > sbom.json

# @tensorflow/tfjs-node is optional: it is there where its library can be had, else scores are computed by wasm.
FROM sources AS modules
RUN npm ci --omit=dev && npm cache clean --force

FROM node:22.21.1-bookworm-slim AS production
LABEL org.opencontainers.image.title="Redshank" \
      org.opencontainers.image.description="Finds anomalies in the readings of a fleet of sensors while they arrive" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/package.json /app/LICENSE /app/sbom.json ./
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/web web
COPY --from=build /app/client client
# Nothing else is ever written: the root may be read-only, with /tmp and /data writable.
RUN install -d -o 1000 -g 1000 /data \
 && ln -s /app/bin/redshank.js /usr/local/bin/redshank
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
USER 1000:1000
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METRICS_PORT ?? 9090}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/redshank.js"]
CMD ["start"]
