#!/bin/busybox sh
# Process 1 of the guest: the host's root, read-only over virtiofs, under a writable layer in memory.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
for module in /modules/*.ko; do insmod "$module"; done
mount -t virtiofs -o ro host /lower
mount -t tmpfs -o size=80% tmpfs /writable
mkdir /writable/upper /writable/work
mount -t overlay -o lowerdir=/lower,upperdir=/writable/upper,workdir=/writable/work overlay /root
for word in $(cat /proc/cmdline); do
  case $word in vm.project=*) project=${word#vm.project=} ;; esac
done
exec switch_root /root /bin/bash "$project/tests/vm/guest/second-root.sh"
