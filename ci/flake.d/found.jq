# From what the stand-in recorded of the packages of a system, what they are fetched by.
. as $packages
| def calls($function): [$packages | .. | objects | select(.function? == $function) | .arguments];
  {
    # A script holds a download only as a path, so these are recorded as packages of their own.
    fetchurl: (calls("fetchurl") | unique),
    fetchFromGitHub: (calls("fetchFromGitHub") | unique),
    buildGoModule: (calls("buildGoModule") | map({version, vendorHash}) | unique),
    pullImage: (calls("dockerTools.pullImage") | unique),
    buildImage: (calls("dockerTools.buildImage") | map({name, tag}) | unique)
  }
