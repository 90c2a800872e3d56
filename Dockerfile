# `lab`, and nothing else. The folder it is built from has a `lab` without shared objects, as `ci/release` makes it and as a
# release's archive has it: docker build --file Dockerfile --tag lab FOLDER
#
# The embedded lab makes namespaces and mounts: docker run --rm --privileged lab run
FROM scratch
COPY lab /bin/lab
ENV PATH=/bin HOME=/tmp
WORKDIR /tmp
ENTRYPOINT ["/bin/lab"]
