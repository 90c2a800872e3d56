# How Go, Docker and the pins call a system's processor.
system:
{
  x86_64-linux = "amd64";
  aarch64-linux = "arm64";
}
.${system}
