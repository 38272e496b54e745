# Still process 1 of the guest, now in the real root: what an init system mounts, the control groups of the layout asked for, then
# the tests. bash, because it reaps the orphans that monitors become. Everything is told on the second serial line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 NO_COLOR=1
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
mount -t devtmpfs -o nosuid devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=000 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o nosuid,nodev,mode=755,size=70% tmpfs /run
exec </dev/null >/dev/ttyS1 2>&1

for word in $(cat /proc/cmdline); do
  case $word in vm.*=*)
    name=${word%%=*}
    declare "${name#vm.}=${word#*=}"
    ;;
  esac
done
hostname vm
ip link set lo up
release=$(uname -r)
mkdir -p "/lib/modules/$release"
mount --bind "$modules" "/lib/modules/$release"

# A filesystem as nodes have it: tmpfs has no idmapped mounts before 6.3.
modprobe loop
truncate --size=2G /run/disk
mkfs.ext4 -q -O ^has_journal /run/disk
mount -o loop,nosuid,nodev /run/disk /tmp

if [ -n "$selinux" ]; then
  "$project/build/vm/checkpolicy/usr/bin/checkpolicy" -M -U allow -c 33 -o /run/policy "$project/tests/vm/selinux/policy.conf"
  mount -t selinuxfs selinuxfs /sys/fs/selinux
  # The kernel takes a policy in one write.
  dd if=/run/policy of=/sys/fs/selinux/load bs=16M status=none
fi

# As systemd lays them out: cpu and cpuacct in one hierarchy, with links by their own names.
legacy_hierarchies() {
  mount -t tmpfs -o nosuid,nodev,noexec,mode=755 tmpfs /sys/fs/cgroup
  for controllers in cpu,cpuacct cpuset memory pids devices freezer blkio hugetlb net_cls,net_prio perf_event; do
    mkdir "/sys/fs/cgroup/$controllers"
    if ! mount -t cgroup -o "nosuid,nodev,noexec,$controllers" cgroup "/sys/fs/cgroup/$controllers"; then
      rmdir "/sys/fs/cgroup/$controllers"
      continue
    fi
    for one in ${controllers//,/ }; do [ -e "/sys/fs/cgroup/$one" ] || ln -s "$controllers" "/sys/fs/cgroup/$one"; done
  done
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o nosuid,nodev,noexec,none,name=systemd cgroup /sys/fs/cgroup/systemd
}

case $layout in
# As systemd mounts it.
v2) mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup ;;
v1) legacy_hierarchies ;;
hybrid)
  legacy_hierarchies
  mkdir /sys/fs/cgroup/unified
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup/unified
  ;;
esac

# The emulator translates what a just-in-time compiler writes again and again: without the compiled tiers a start takes half as
# long. (Not without the JIT: bun:ffi needs it.) crib gets the variable from a script in its place, because the harness hands a
# daemon a clean environment.
export BUN_JSC_useBaselineJIT=0
printf '#!/bin/sh\nexport BUN_JSC_useBaselineJIT=0\nexec "%s/dist/crib" "$@"\n' "$project" >/run/crib-under-test
chmod 755 /run/crib-under-test
export CRIB_TEST_BINARY=/run/crib-under-test CRIB_TEST_TIME_FACTOR=40 CRIB_VM_LAYOUT=$layout

cd "$project" || exit 1
echo "@@booted $(cut -d' ' -f1 /proc/uptime)"
for file in ${tests//,/ }; do
  echo "@@begin $file"
  started=$SECONDS
  timeout --kill-after=10 "$bound" node_modules/.bin/bun test --timeout=3000000 "./$file"
  echo "@@end $file $? $((SECONDS - started))"
done
echo "@@done"
sync
echo o >/proc/sysrq-trigger
sleep 60
