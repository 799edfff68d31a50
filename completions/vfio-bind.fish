# SPDX-License-Identifier: GPL-2.0-or-later
# Completes vfio-bind in fish: commands, options, and addresses with the names of what is there.

# The words before the cursor that say which machine the line is about.
function __vfio_bind_machine
    set -l words (commandline -opc)
    echo $words[1]
    for i in (seq 2 (count $words))
        switch $words[$i]
            case --root --machine
                printf '%s\n' $words[$i] $words[(math $i + 1)]
            case '--root=*' '--machine=*'
                echo $words[$i]
        end
    end
end

# The command, or nothing.
function __vfio_bind_command
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case --root --machine --output -o --kernel --for
                set skip yes
            case '-*'
            case '*'
                echo $word
                return
        end
    end
end

function __vfio_bind_is
    contains -- (__vfio_bind_command) $argv
end

# Addresses and names; a domain of 0000 may be left out.
function __vfio_bind_addresses
    set -l machine (__vfio_bind_machine)
    set -l current (commandline -ct)
    set -l lines ($machine list --raw --noheadings -o ADDRESS,NAME 2>/dev/null)
    for line in (string replace -a '\\x20' ' ' -- $lines | string replace ' ' \t)
        if not string match -q -- "$current*" $line
            set line (string replace -r '^0000:' '' -- $line)
        end
        echo $line
    end
end

complete -c vfio-bind -f
complete -c vfio-bind -l root -d 'Another directory in place of /' -xa '(__fish_complete_directories)'
complete -c vfio-bind -l machine -d 'A dump in place of this machine' -rF
complete -c vfio-bind -n 'not __vfio_bind_is graph dump payload' -l json -d 'As JSON'
complete -c vfio-bind -s o -l output -d 'Columns to show' -x
complete -c vfio-bind -l raw -d 'Columns without padding'
complete -c vfio-bind -l noheadings -d 'No heading line'
complete -c vfio-bind -l help -d 'How to use it'
complete -c vfio-bind -l version -d 'Which version it is'
complete -c vfio-bind -n '__vfio_bind_is list' -l all -d 'Every function'
complete -c vfio-bind -n '__vfio_bind_is list' -l for -d 'Lines that hand a device to a guest' \
    -xa 'libvirt qemu proxmox incus'
complete -c vfio-bind -n '__vfio_bind_is list; and string match -q -- "--for*" (commandline -opc)' \
    -a '(__vfio_bind_addresses)'
complete -c vfio-bind -n '__vfio_bind_is check verify' -l strict -d 'Warnings count'
complete -c vfio-bind -n '__vfio_bind_is status' -l boot -d 'Of an earlier boot' -xa '-1'
complete -c vfio-bind -n '__vfio_bind_is update' -l trial -d 'On probation for one boot, or so many'
complete -c vfio-bind -n '__vfio_bind_is verify' -l boot -d 'Boot it in QEMU'
complete -c vfio-bind -n '__vfio_bind_is add remove repair' -l dry-run -d 'Show it, write nothing'
complete -c vfio-bind -n '__vfio_bind_is fallback' -l remove -d 'Take it away again'
complete -c vfio-bind -n '__vfio_bind_is payload overlay verify' -l kernel -d 'For this kernel' \
    -xa '(ls /lib/modules 2>/dev/null)'

set -l none 'test -z (__vfio_bind_command)'
complete -c vfio-bind -n $none -a list -d 'Devices by IOMMU group, and who has them'
complete -c vfio-bind -n $none -a graph -d 'The machine as Graphviz DOT'
complete -c vfio-bind -n $none -a status -d 'What this boot did, and whether it still holds'
complete -c vfio-bind -n $none -a check -d 'Mistakes, the plan for the next boot, what is in its way'
complete -c vfio-bind -n $none -a explain -d 'Every rule and guard that touches a device'
complete -c vfio-bind -n $none -a add -d 'A rule for a device, as stable as can be'
complete -c vfio-bind -n $none -a remove -d 'Takes it away again'
complete -c vfio-bind -n $none -a repair -d 'Rules whose device stands elsewhere now'
complete -c vfio-bind -n $none -a import -d "Rules from other programs' settings"
complete -c vfio-bind -n $none -a apply -d "The boot's work on the running host"
complete -c vfio-bind -n $none -a release -d 'Gives a device back to the host'
complete -c vfio-bind -n $none -a update -d 'Builds the images anew'
complete -c vfio-bind -n $none -a confirm -d 'Ends a trial'
complete -c vfio-bind -n $none -a verify -d 'Whether an image does what /etc says'
complete -c vfio-bind -n $none -a fallback -d 'A boot entry without vfio-bind'
complete -c vfio-bind -n $none -a dump -d 'This machine as text, for a bug report'
complete -c vfio-bind -n $none -a overlay -d 'What an image needs, as an initrd of its own'
complete -c vfio-bind -n $none -a payload -d 'What an image needs, for hooks'

complete -c vfio-bind -n '__vfio_bind_is explain release add remove' -a '(__vfio_bind_addresses)'
complete -c vfio-bind -n '__vfio_bind_is add remove release; and string match -q "/*" -- (commandline -ct)' -F
complete -c vfio-bind -n '__vfio_bind_is import verify payload' -F
