# SPDX-License-Identifier: GPL-2.0-or-later
# For NixOS: imports = [ .../packaging/nix/module.nix ];
#
#   boot.vfio-bind.enable = true;
#   boot.vfio-bind.policy = "bind display boot_display=0 with=functions";
#
# A boot entry in which nothing is bound:
#
#   specialisation.without-vfio-bind.configuration.boot.kernelParams = [ "rd.vfio_bind=0" ];
#
# The image is built before anybody can look at the machine, so it does not know what the host
# lives on: a drive is bound only by a rule that names one device and has its whole id, and
# nothing keeps the host's network card and keyboard but a keep rule.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.boot.vfio-bind;
  policy = pkgs.writeText "vfio-bind.conf" cfg.policy;
  modprobe = config.environment.etc."modprobe.d/nixos.conf" or null;

  program = "${cfg.package}/bin/vfio-bind";

  # The kernel's modules are links that lead out of the tree. A mistake, which would have the image
  # bind nothing, fails the build; nothing else can be told without the machine.
  overlay = pkgs.runCommand "vfio-bind-overlay" { } ''
    mkdir -p policy/etc policy/sys/bus/pci/devices
    cp ${policy} policy/etc/vfio-bind.conf
    ${program} --root "$PWD/policy" list >/dev/null || [ "$?" != 2 ]

    mkdir -p tree/etc/modprobe.d tree/lib tree/usr/lib
    cp ${policy} tree/etc/vfio-bind.conf
    cp -rL ${config.system.modulesTree}/lib/modules tree/lib/modules
    cp -rL ${cfg.package}/lib/systemd tree/usr/lib/systemd
    ${lib.optionalString (modprobe != null) "cp -L ${modprobe.source} tree/etc/modprobe.d/nixos.conf"}
    ${program} --root "$PWD/tree" overlay \
      --kernel ${config.boot.kernelPackages.kernel.modDirVersion} --output "$out"
  '';
in
{
  options.boot.vfio-bind = {
    enable = lib.mkEnableOption "giving PCI devices to vfio-pci in the initrd, before other drivers";

    policy = lib.mkOption {
      type = lib.types.lines;
      default = "";
      example = "bind nvme path=0000:00/06.0/00.0 id=1b36:0010";
      description = "The rules, as vfio-bind.conf(5) has them: /etc/vfio-bind.conf.";
    };

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "The package that the binder and the program are taken from.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = config.boot.initrd.enable;
        message = "boot.vfio-bind works in the initrd: it needs boot.initrd.enable.";
      }
    ];

    environment.systemPackages = [ cfg.package ];
    environment.etc."vfio-bind.conf".source = policy;

    # Devices that come late, in the running system.
    services.udev.packages = [ cfg.package ];

    # Behind microcode, which has to be the first.
    boot.initrd.prepend = lib.mkAfter [ "${overlay}" ];

    # NixOS's systemd does not look for units in the overlay's /usr/lib.
    boot.initrd.systemd = lib.mkIf config.boot.initrd.systemd.enable {
      packages = [ cfg.package ];
      services.vfio-bind-initrd.wantedBy = [ "sysinit.target" ];
      services.vfio-bind-undo.wantedBy = [ "sysinit.target" ];
    };

    # The script of stage 1 loads boot.initrd.kernelModules before it runs anything of ours.
    boot.kernelParams = lib.mkIf (!config.boot.initrd.systemd.enable) [
      "rdinit=/usr/lib/vfio-bind/binder"
    ];
  };
}
