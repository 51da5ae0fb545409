# syntax=docker/dockerfile:1
# The gateway, and every embedded part of it, in one binary.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The allocator is written in C.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make && rm -rf /var/lib/apt/lists/*
# Dependencies change rarely: they are a layer of their own, built for an empty program.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && cargo build --release --locked \
    && rm -r src
COPY migrations migrations
COPY fixtures fixtures
COPY src src
# The files of the repository may be older than the empty program, and cargo compares times.
RUN find src -name '*.rs' -exec touch {} + && cargo build --release --locked --bin provisor

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/provisor /usr/local/bin/provisor
RUN useradd --system --uid 10001 --home-dir /var/lib/provisor --create-home provisor
USER provisor
WORKDIR /var/lib/provisor
VOLUME /var/lib/provisor
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/provisor"]
CMD ["--help"]
