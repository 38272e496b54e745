import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupHierarchies, makeCgroup, removeCgroup } from "../harness/cgroup-tree.ts";
import { say } from "../harness/say.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { cgroupPrefix } from "../harness/workspace.ts";

/** The address of the made-up node; nobody else has it (RFC 5737). */
export const NODE_ADDRESS = "198.51.100.10";

/** Where a kubelet keeps its files, unless it is told otherwise; the node suite does not tell. */
export const KUBELET_ROOT = "/var/lib/kubelet";

/**
 * Mounts, network and control groups of its own: fixed ports, /run, /var/log and the root of the groups are free, and all of it ends
 * with its last process. Mounts travel between the programs inside, as on a node, and not to the host. There is no systemd in it.
 */
const enter = `
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /var/log
mount --bind "$0/kubelet" ${KUBELET_ROOT}
new=/run/own-host/sys
mkdir -p "$new"
mount -t sysfs sysfs "$new"
grep -E '^[^ ]+ /sys/' /proc/mounts > /run/own-host/below-sys
while read -r device path type options rest; do
  case "$path" in
  /sys/fs/cgroup*) mkdir -p "$new\${path#/sys}" && mount -t "$type" -o "$options" "$device" "$new\${path#/sys}" ;;
  *) mount --bind "$path" "$new\${path#/sys}" ;;
  esac
done < /run/own-host/below-sys
umount --recursive --lazy /sys
mount --move "$new" /sys
mount --make-rshared /
for program in systemd-run journalctl; do
  if path=$(command -v $program); then mount --bind /dev/null "$path"; fi
done
ip link set lo up
ip link add node0 type veth peer name outside0
ip link set outside0 up
ip address add ${NODE_ADDRESS}/24 dev node0
ip link set node0 up
ip route add default via 198.51.100.1
exec "$@"
`;

/** Joins a group in every hierarchy, which is then the root that the rest sees. */
const joinGroups =
  'for file in $GROUPS_TO_JOIN; do echo $$ > "$file"; done; exec unshare --cgroup --mount --net --propagation private "$@"';

/** What a kubelet sets for the whole kernel when it starts. */
const kernelSettings = [
  "vm/overcommit_memory",
  "vm/panic_on_oom",
  "kernel/panic",
  "kernel/panic_on_oops",
  "kernel/keys/root_maxkeys",
  "kernel/keys/root_maxbytes",
].map((name) => `/proc/sys/${name}`);

/**
 * Runs a command on a host of its own, whose files are below `directory`, for `boundMs` at most. Every process of it is gone
 * afterwards, and what a kubelet changes in the kernel is put back.
 *
 * @returns its exit code.
 */
export async function onOwnHost(directory: string, command: readonly string[], boundMs: number): Promise<number> {
  const scratch = join(directory, "tmp");
  for (const path of [join(directory, "kubelet"), scratch]) mkdirSync(path);
  const before = kernelSettings.map((path) => ({ path, value: readFileSync(path, "utf8") }));
  const isNew = !existsSync(KUBELET_ROOT);
  mkdirSync(KUBELET_ROOT, { recursive: true });
  const group = `${cgroupPrefix()}host`;
  makeCgroup(group);
  try {
    const files = cgroupHierarchies().map((path) => join(path, group, "cgroup.procs"));
    const child = Bun.spawn(["sh", "-ec", joinGroups, "sh", "sh", "-ec", enter, directory, ...command], {
      // Temporary files of the inside go when the caller's directory goes.
      env: { ...process.env, GROUPS_TO_JOIN: files.join(" "), TMPDIR: scratch },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      timeout: boundMs * timeFactor(),
    });
    const code = await child.exited;
    if (child.signalCode !== null) say(`FAIL  ended by ${child.signalCode}; it may take ${boundMs / 60_000} minutes`);
    return code;
  } finally {
    removeCgroup(group);
    for (const { path, value } of before) if (readFileSync(path, "utf8") !== value) writeFileSync(path, value);
    if (isNew) rmdirSync(KUBELET_ROOT);
  }
}
