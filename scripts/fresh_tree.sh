#!/bin/sh
# Tries the repository on a fresh Debian 12: a minimal tree made with debootstrap, a clone of the
# last commit in it, and there `./dev run` and `./dev test` (or the verbs given).
#
#   fresh_tree.sh [--keep] TREE [VERB...]
#
# Needs root, debootstrap, and the mirror that apt is configured with. TREE must not exist, or be a
# tree that --keep left. The tree is entered with a mount namespace and pivot_root, because the kernel
# refuses user namespaces inside a plain chroot, and cells need them.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
keep=no
if [ "${1-}" = --keep ]; then keep=yes && shift; fi
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
tree=$1
shift
[ $# -gt 0 ] || set -- run test

make_tree() {
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -n 1)
  debootstrap --variant=minbase --include=ca-certificates,git bookworm "$tree" "$mirror"
  # The same sources, keys, proxy and certificates as here, so that apt reaches them in the tree.
  cp -a /etc/apt/. "$tree/etc/apt/"
  cp -aL /usr/share/keyrings/. "$tree/usr/share/keyrings/"
  cp -aL /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
  cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
}

[ -e "$tree/bin/sh" ] || make_tree
rm -rf "$tree/root/kiln"
git clone -q --no-local "$source" "$tree/root/kiln"

inside='
  mount --make-rprivate /
  mount --bind "$1" "$1"
  for dir in dev sys proc; do mount --rbind "/$dir" "$1/$dir"; done
  mkdir -p "$1/mnt/old"
  cd "$1"
  pivot_root . mnt/old
  umount -l /mnt/old
  cd /root/kiln
  shift
  for verb in "$@"; do ./dev "$verb"; done
'
status=0
unshare -m sh -euc "$inside" sh "$(cd "$tree" && pwd)" "$@" || status=$?
[ $keep = yes ] || rm -rf --one-file-system "$tree"
exit $status
