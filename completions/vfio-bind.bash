# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completes vfio-bind in bash: commands, options, and addresses with the names of what is there.

_vfio_bind_commands="list graph status check explain add remove repair import apply release update confirm
	verify fallback dump overlay payload"

# Addresses, each with its name behind a blank, of the machine the line is about.
_vfio_bind_devices() {
	"$@" list --raw --noheadings -o ADDRESS,NAME 2>/dev/null
}

# Adds the candidates on stdin that begin with $1.
_vfio_bind_match() {
	local candidate
	while IFS= read -r candidate; do
		[[ $candidate == "$1"* ]] && COMPREPLY+=("$candidate")
	done
}

# Addresses that begin with $1, and only while they are listed, their names. A domain of 0000
# may be left out.
_vfio_bind_addresses() {
	local current=$1 address name
	shift
	while read -r address name; do
		[[ $address == "$current"* ]] || address=${address#0000:}
		[[ $address == "$current"* ]] || continue
		# 63 is "?": readline shows what there is, and inserts none of it.
		[[ ${COMP_TYPE-} == 63 ]] && printf -v address '%s  %b' "$address" "$name"
		COMPREPLY+=("$address")
	done < <(_vfio_bind_devices "$@")
}

# Files, or with -d directories, that begin with $2.
_vfio_bind_files() {
	compopt -o filenames 2>/dev/null
	_vfio_bind_match "$2" < <(compgen "$1" -- "$2")
}

_vfio_bind_options() {
	local own=()
	case $1 in
	add | remove | repair) own=(--dry-run) ;;
	list | for) own=(--all --for) ;;
	check) own=(--strict) ;;
	payload | overlay) own=(--kernel) ;;
	update) own=(--trial) ;;
	status) own=(--boot=-1) ;;
	verify) own=(--boot --kernel --strict) ;;
	fallback) own=(--remove) ;;
	esac
	case $1 in
	graph | dump | payload) ;; # what they write has a form of its own
	*) own+=(--json) ;;
	esac
	printf '%s\n' --root --machine --output --raw --noheadings --help --version "${own[@]}"
}

_vfio_bind_argument() {
	local command=$1 current=$2
	shift 2
	case $command in
	'') _vfio_bind_match "$current" < <(compgen -W "$_vfio_bind_commands" -- "$current") ;;
	add | remove | release)
		if [[ $current == /* ]]; then
			_vfio_bind_files -f "$current"
		else
			_vfio_bind_addresses "$current" "$@"
		fi ;;
	explain | for) _vfio_bind_addresses "$current" "$@" ;;
	import | verify) _vfio_bind_files -f "$current" ;;
	payload) _vfio_bind_files -d "$current" ;;
	esac
}

# Readline splits words at ":" too: what stands before the last one it keeps.
_vfio_bind_trim() {
	local before=${1%"${1##*:}"} i
	[[ $COMP_WORDBREAKS == *:* && $before ]] || return
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$before"}
	done
}

_vfio_bind() {
	local words current='' previous command='' i machine
	COMPREPLY=()
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	if [[ ${COMP_LINE:COMP_POINT-1:1} != [[:blank:]] ]]; then
		current=${words[-1]}
		unset 'words[-1]'
	fi
	machine=("${words[0]}")
	for ((i = 1; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		--root | --machine) machine+=("${words[i]}" "${words[++i]-}") ;;
		--root=* | --machine=*) machine+=("${words[i]}") ;;
		-o | --output | --kernel) ((++i)) ;;
		--for) command=for && ((++i)) ;; # it takes an address, as no other form of list does
		--for=*) command=for ;;
		-*) ;;
		*) command=${command:-${words[i]}} ;;
		esac
	done
	previous=${words[-1]}
	case $previous in
	--root) _vfio_bind_files -d "$current" ;;
	--machine) _vfio_bind_files -f "$current" ;;
	--kernel) _vfio_bind_match "$current" < <(ls /lib/modules 2>/dev/null) ;;
	-o | --output) ;;
	--for) _vfio_bind_match "$current" < <(compgen -W "libvirt qemu proxmox incus" -- "$current") ;;
	*)
		if [[ $current == -* ]]; then
			_vfio_bind_match "$current" < <(_vfio_bind_options "$command")
		else
			_vfio_bind_argument "$command" "$current" "${machine[@]}"
		fi ;;
	esac
	_vfio_bind_trim "$current"
}

complete -F _vfio_bind vfio-bind
