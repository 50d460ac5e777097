#!/bin/sh
# Runs the sandbox's tests under Debian 12's own kernel, with control groups of version 2 only, in an
# emulated machine (qemu, no acceleration needed). For hosts whose own groups are of version 1.
#
#   emulated_v2.sh BIN_DIR SOURCE_DIR WORK_DIR
#
# Needs root, debootstrap, cpio, qemu-system-x86 and the mirror that apt is configured with. WORK_DIR
# keeps the kernel and the tree for the next time. Ends with 0 if every test passed.
set -eu

bin=$1 source=$2 work=$3
tests="cgroup runner isolation fault abuse ahead collector network death warm"
mkdir -p "$work"
cd "$work"

if [ ! -e kernel/boot ]; then
  image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p')
  apt-get -q download "$image"
  dpkg-deb -x linux-image-*.deb kernel
fi
if [ ! -e tree/usr/bin/python3 ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)
  debootstrap --variant=minbase --include=python3,libseccomp2,libsodium23,libstdc++6 \
    bookworm tree "$mirror"
  rm -rf tree/usr/share/doc tree/usr/share/man tree/usr/share/locale tree/var/cache/apt tree/var/lib/apt
fi

# The tests know launcher and programs by their paths.
mkdir -p "tree$bin" "tree$source/tests/security"
cp -r "$source/tests/security/programs" "tree$source/tests/security/"
for name in $tests; do
  strip -o "tree$bin/sandbox_${name}_test" "$bin/sandbox_${name}_test"
done
for name in kiln-launcher kiln-launcher-faulty _kiln_warm.abi3.so _kiln.abi3.so; do
  strip -o "tree$bin/$name" "$bin/$name"
done

# An initramfs cannot be the old root of pivot_root(2), so everything moves to a tmpfs first.
cat > tree/init <<'EOI'
#!/bin/sh
mount -t tmpfs -o size=2g none /mnt
cd /
for name in *; do
  case $name in proc|sys|dev|mnt|run) mkdir "/mnt/$name" ;; *) cp -a "$name" /mnt/ ;; esac
done
mount -t devtmpfs dev /mnt/dev
exec switch_root /mnt /run-tests
EOI
cat > tree/run-tests <<EOI
#!/bin/sh
exec < /dev/console > /dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export KILN_TEST_TIME_FACTOR=6
uname -r
failed=0
for name in $tests; do
  $bin/sandbox_\${name}_test --gtest_brief=1 || failed=1
done
# Once more from a group that has processes: then the cells' groups go below the root of the mount.
mkdir /sys/fs/cgroup/below
echo \$\$ > /sys/fs/cgroup/below/cgroup.procs
$bin/sandbox_cgroup_test --gtest_brief=1 || failed=1
$bin/sandbox_isolation_test --gtest_brief=1 || failed=1
find /sys/fs/cgroup -name 'kiln-*' | grep . && failed=1
[ \$failed = 0 ] && echo "emulated: all passed"
sleep 3  # the console is slow, and the kernel's last words would run into the line above
echo o > /proc/sysrq-trigger
sleep 60
EOI
chmod 755 tree/init tree/run-tests
(cd tree && find . -path ./boot -prune -o -print0 | cpio --null -o -H newc --quiet) | gzip -1 > initrd.gz

qemu-system-x86_64 -m 4096 -smp 2 -accel tcg,thread=multi -cpu max -kernel kernel/boot/vmlinuz-* \
  -initrd initrd.gz -append "console=ttyS0 panic=-1 quiet" -nographic -no-reboot -net none \
  < /dev/null | tee log
grep -q "^emulated: all passed" log
