# The gateway as an image: compiled in one stage, run in another as a user without rights, on a root file system that may be
# read-only. Both base images are arguments, so that it builds on images made locally where no registry is at hand:
#
#   buildah bud --format docker --build-arg BUILD_IMAGE=localhost/build --build-arg RUN_IMAGE=localhost/run -t sekisho .
#   podman run --read-only --cap-drop=all --security-opt=no-new-privileges \
#     -v ./config:/etc/sekisho:ro -v sekisho-data:/var/lib/sekisho -p 8080:8080 sekisho
#
# BUILD_IMAGE has the toolchain of rust-version in Cargo.toml, a C compiler and make (for aws-lc, SQLite and jemalloc). RUN_IMAGE has
# the C library of BUILD_IMAGE and nothing else is asked of it.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
ARG CARGO_FLAGS=--locked
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY gateway gateway
COPY conformance conformance
COPY xtask xtask
COPY schemas schemas
RUN cargo build --release --package sekisho ${CARGO_FLAGS} \
    && mkdir -p /image/usr/local/bin /image/var/lib/sekisho /image/etc/sekisho \
    && cp target/release/sekisho /image/usr/local/bin/sekisho

FROM ${RUN_IMAGE}
ARG UID=10001
COPY --from=build /image/usr /usr
COPY --from=build --chown=${UID}:${UID} /image/var/lib/sekisho /var/lib/sekisho
COPY --from=build /image/etc/sekisho /etc/sekisho
COPY schemas /usr/local/share/sekisho/schemas

# By number: a runtime can see that it is not root without reading the image's passwd.
USER ${UID}:${UID}
WORKDIR /var/lib/sekisho
# Spool and ledger: the only folder that is written to.
VOLUME ["/var/lib/sekisho"]
EXPOSE 8080
STOPSIGNAL SIGTERM

# The one hop that it judges is the gateway: a cloud that is down is no reason to restart it. The admin listener is asked, on
# loopback inside the container; where it asks for a token, SEKISHO_HEARTBEAT_TOKEN_FILE names its file.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["sekisho", "heartbeat", "--timeout", "2", "--hop", "gateway", "http://127.0.0.1:9600"]

ENTRYPOINT ["sekisho"]
CMD ["serve", "--config", "/etc/sekisho/sekisho.toml"]
