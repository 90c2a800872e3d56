# What routers between racks run: BIRD 2, and `ip` to arrange their links with. `lab run --on kind --topology racks` has the Engine
# build it where there is no image of this name; by hand: docker build --tag lab-bird:2 --file runner/kind/bird.Dockerfile runner/kind
FROM debian:12-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bird2 iproute2 \
 && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["bird", "-f"]
