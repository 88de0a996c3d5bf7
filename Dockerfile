# A small image with nothing but Lifeboat in it, run as an ordinary user:
#
#   docker build -t lifeboat .
#   docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges \
#     --group-add "$(stat -c %g /var/run/docker.sock)" \
#     -v /var/run/docker.sock:/var/run/docker.sock \
#     -v "$PWD/lifeboat.yaml:/etc/lifeboat/lifeboat.yaml:ro" -v lifeboat:/var/lib/lifeboat \
#     -p 127.0.0.1:8080:8080 lifeboat
#
# That runs the service; with "drill" behind it, it drills once. The page answers from outside
# of the container when the configuration has "listen: 0.0.0.0:8080" and "access: tokens".
# /healthz tells whether it lives: there is no shell here, so no HEALTHCHECK either.
# A stop waits for running drills as long as server.drain: docker stop -t 180.
#
# Where no registry answers, name any image with Go in it:
#   docker build --build-arg BUILD_IMAGE=my-go -t lifeboat .
ARG BUILD_IMAGE=golang:1.26
FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/usr/bin/lifeboat ./cmd/lifeboat \
 && mkdir -p /out/etc/ssl/certs /out/etc/lifeboat /out/var/lib/lifeboat \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && echo 'lifeboat:x:65532:65532::/var/lib/lifeboat:/sbin/nologin' >/out/etc/passwd \
 && chown 65532:65532 /out/var/lib/lifeboat

FROM scratch
COPY --from=build /out /
USER 65532:65532
WORKDIR /var/lib/lifeboat
VOLUME /var/lib/lifeboat
# The one place that can be written to holds the files of SQLite drills as well.
ENV TMPDIR=/var/lib/lifeboat
ENTRYPOINT ["/usr/bin/lifeboat", "--config", "/etc/lifeboat/lifeboat.yaml"]
EXPOSE 8080
CMD ["serve"]
