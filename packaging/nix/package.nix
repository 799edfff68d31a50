# SPDX-License-Identifier: GPL-2.0-or-later
# The package, for pkgs.callPackage. What is installed for other distributions' image generators
# is left out; module.nix puts the binder into NixOS's initrd.
{
  lib,
  stdenv,
  pkg-config,
  makeWrapper,
  pkgsStatic,
  bzip2,
  json_c,
  kmod,
  libarchive,
  pciutils,
  util-linux,
  zlib,
}:

let
  inherit (pkgsStatic.stdenv) cc;
in
stdenv.mkDerivation {
  pname = "vfio-bind";
  version = "0.1.0";

  src = lib.cleanSourceWith {
    src = ../..;
    filter = path: type: lib.cleanSourceFilter path type && baseNameOf path != "build";
  };

  nativeBuildInputs = [
    pkg-config
    makeWrapper
  ];
  buildInputs = [
    bzip2
    json_c
    kmod
    libarchive
    pciutils
    util-linux # libmount, libblkid and libsmartcols
    zlib
  ];

  # The same objects are linked against both C libraries, and the binder is to stay small.
  hardeningDisable = [ "zerocallusedregs" ];
  enableParallelBuilding = true;
  makeFlags = [
    "PREFIX=${placeholder "out"}"
    "BINDER_CC=${cc}/bin/${cc.targetPrefix}cc"
  ];

  # In the initrd, and nowhere else, the binder is at /usr/lib/vfio-bind/binder.
  postInstall = ''
    rm -r $out/share/initramfs-tools $out/lib/dracut $out/lib/initcpio $out/lib/booster \
      $out/lib/kernel $out/lib/vfio-bind/booster $out/lib/vfio-bind/grub-fallback
    substituteInPlace $out/lib/udev/rules.d/79-vfio-bind.rules \
      $out/lib/systemd/system/vfio-bind.service \
      --replace-fail /usr/lib/vfio-bind/binder $out/lib/vfio-bind/binder
    substituteInPlace $out/lib/systemd/system/vfio-bind-confirm.service \
      --replace-fail /usr/bin/vfio-bind $out/bin/vfio-bind
    wrapProgram $out/bin/vfio-bind --set-default VFIO_BIND_BINDER $out/lib/vfio-bind/binder
  '';

  meta = {
    description = "Gives chosen PCI devices to vfio-pci before other drivers see them";
    license = lib.licenses.gpl2Plus;
    platforms = lib.platforms.linux;
    mainProgram = "vfio-bind";
  };
}
