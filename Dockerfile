# syntax=docker/dockerfile:1
# The image of docker-compose.yml:  docker build -t tidemill .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches survive between builds, so that a change of the sources compiles the sources only.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin tidemill && cp target/release/tidemill /tidemill

FROM debian:bookworm-slim
# The state directory belongs to the user, so that a fresh named volume does too.
RUN useradd --system --uid 10001 --home-dir /var/lib/tidemill --create-home --shell /usr/sbin/nologin tidemill
COPY --from=build /tidemill /usr/local/bin/tidemill
COPY topologies /etc/tidemill/topologies
USER 10001
WORKDIR /var/lib/tidemill
VOLUME /var/lib/tidemill
EXPOSE 8642
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidemill"]
CMD ["--help"]
