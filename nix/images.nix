# Images. That of `lab` itself is a program without shared objects and nothing else. hello-app is built here, from the source that the article's is built from, and so is that of routers between racks. The others are pulled by digest,
# each as soon as pins.json has the hash of its archive for this system: an unknown hash is no package, and never fails.
{
  pkgs,
  pins,
  arch,
  rust,
}:
let
  inherit (pkgs) lib;
  hello = pins.images.hello-app;
  program =
    pkgs.runCommand "hello-app-${hello.tag}"
      {
        nativeBuildInputs = [ pkgs.go ];
        src = pkgs.fetchFromGitHub {
          inherit (hello.source)
            owner
            repo
            rev
            hash
            ;
        };
        env = {
          CGO_ENABLED = 0;
          GOPROXY = "off";
          GOTOOLCHAIN = "local";
          GOFLAGS = "-trimpath";
        };
      }
      ''
        export HOME=$TMPDIR
        cp $src/hello-app/main.go .
        mkdir -p $out/bin
        go build -o $out/bin/hello-app main.go
      '';
  hash = image: image.archive."linux-${arch}" or null;
  pulled =
    image:
    pkgs.dockerTools.pullImage {
      imageName = image.repository;
      imageDigest = image.digest;
      finalImageName = image.repository;
      finalImageTag = image.tag;
      os = "linux";
      inherit arch;
      hash = hash image;
    };
  pullable = lib.filterAttrs (_name: image: image ? digest && hash image != null) pins.images;
in
{
  hello-app = pkgs.dockerTools.buildImage {
    name = hello.repository;
    inherit (hello) tag;
    copyToRoot = program;
    config = {
      Cmd = [ "/bin/hello-app" ];
      Env = [ "PORT=8080" ];
      ExposedPorts."8080/tcp" = { };
    };
  };
  # What routers between racks run on kind; runner/kind/bird.Dockerfile makes the same of Debian's packages.
  bird-image = pkgs.dockerTools.buildImage {
    name = "lab-bird";
    tag = "2";
    copyToRoot = [
      pkgs.bird2
      pkgs.coreutils
      pkgs.iproute2
    ];
    # The probe is copied there.
    extraCommands = "mkdir -p usr/local/lib";
    config = {
      Entrypoint = [
        "/bin/bird"
        "-f"
      ];
      Env = [ "PATH=/bin" ];
    };
  };
  lab-image = pkgs.dockerTools.buildImage {
    name = "lab";
    tag = rust.lab-static.version;
    config = {
      Entrypoint = [ (lib.getExe rust.lab-static) ];
      Env = [ "HOME=/tmp" ];
      WorkingDir = "/tmp";
    };
  };
  chart = pkgs.fetchurl { inherit (pins.chart) url sha256; };
}
// lib.mapAttrs' (name: image: lib.nameValuePair "image-${name}" (pulled image)) pullable
