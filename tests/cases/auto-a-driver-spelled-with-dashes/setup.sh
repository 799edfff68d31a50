# The plan has the module's name; only /sys/bus/pci/drivers says how the driver spells it.
sed -i s/xe-vfio-pci/xe_vfio_pci/ usr/lib/vfio-bind/plan
