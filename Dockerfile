# The gatehouse as a container: two stages that install and compile, one that only runs.
# The base names an exact release at or above the security floor of src/gateway/config/node-floor.ts.

FROM node:24.22.1-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/runtime/package.json tools/runtime/
# Optional packages are the pinned development Node and compilers: the image brings its own Node.
RUN npm ci --omit=dev --omit=optional

FROM node:24.22.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools/runtime/package.json tools/runtime/
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24.22.1-bookworm-slim
# Nothing is installed at run time, so what installs goes.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  && install -d -o 65532 -g 65532 -m 0700 /var/lib/gatehouse
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production STORE_PATH=/var/lib/gatehouse/gatehouse.sqlite
# The only place that is written: the root file system may be read-only.
VOLUME /var/lib/gatehouse
USER 65532:65532
EXPOSE 8080
# Alive, not ready: an identity provider that is away is no reason to restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", \
  "fetch('http://127.0.0.1:' + (process.env.METRICS_ADDR || ':9090').split(':').pop() + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disallow-code-generation-from-strings", "--disable-proto=delete", "dist/cli/main.js", "serve"]
