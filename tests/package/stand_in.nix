# SPDX-License-Identifier: GPL-2.0-or-later
# What packaging/nix takes of nixpkgs, as little as gives its values: no option is checked, and a
# derivation is the text of its script.
{
  systemd,
  policy,
  modules,
  release,
  package,
}:
let
  lib = {
    mkEnableOption = text: { description = text; };
    mkOption = option: option;
    mkIf = condition: value: if condition then value else { };
    mkAfter = list: [ "what others prepend" ] ++ list;
    optionalString = condition: text: if condition then text else "";
    literalExpression = text: text;
    cleanSourceWith = { src, filter }: src;
    cleanSourceFilter = path: type: true;
    licenses.gpl2Plus = "GPL-2.0-or-later";
    platforms.linux = [ "x86_64-linux" ];
    types = {
      lines = "lines";
      package = "package";
    };
  };
  pkgs = {
    inherit lib;
    writeText = name: text: policy;
    runCommand =
      name: env: script:
      script;
  };
  config = {
    boot.vfio-bind = {
      enable = true;
      policy = "";
      inherit package;
    };
    boot.initrd = {
      enable = true;
      systemd.enable = systemd;
    };
    boot.kernelPackages.kernel.modDirVersion = release;
    system.modulesTree = modules;
    environment.etc."modprobe.d/nixos.conf".source = modules + "/nixos.conf";
  };
  names = builtins.functionArgs (import ../../packaging/nix/package.nix);
in
{
  module = (import ../../packaging/nix/module.nix { inherit config lib pkgs; }).config;
  package = import ../../packaging/nix/package.nix (
    builtins.mapAttrs (name: optional: name) names
    // {
      inherit lib;
      stdenv.mkDerivation = attributes: attributes;
      pkgsStatic.stdenv.cc = {
        outPath = "/usr";
        targetPrefix = "musl-g";
      };
    }
  );
}
