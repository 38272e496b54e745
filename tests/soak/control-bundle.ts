import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildStaticBinary } from "../fixtures/static-binary.ts";

/** What a container of the control is: its command, and the pid namespace it joins, has of its own, or does without. */
export interface ControlContainer {
  readonly args: readonly string[];
  readonly pid: "own" | "host" | { readonly of: number };
  readonly capabilities: readonly string[];
  readonly cgroup: string;
}

/** RuntimeDefault's, as in tests/harness/racer-duel.ts. */
export const defaultCapabilities = (
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL " +
  "AUDIT_WRITE"
)
  .split(" ")
  .map((name) => `CAP_${name}`);

/** A root with a shell and the racer, for as many bundles as there are. */
export function makeControlRoot(directory: string): string {
  const root = join(directory, "rootfs");
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const applet of ["sh", "true"]) linkSync(join(root, "bin/busybox"), join(root, "bin", applet));
  for (const program of ["pause", "racer"] as const) buildStaticBinary(program, join(root, "bin"));
  return root;
}

/** Writes the bundle's config.json into `directory`, which it makes. */
export function writeControlBundle(directory: string, root: string, container: ControlContainer): void {
  mkdirSync(directory);
  writeFileSync(join(directory, "config.json"), JSON.stringify(specOf(root, container)));
}

function specOf(root: string, { args, pid, capabilities, cgroup }: ControlContainer) {
  const sets = ["bounding", "effective", "permitted"].map((set) => [set, capabilities]);
  const pids = pid === "host" ? [] : [{ type: "pid", ...(pid === "own" ? {} : { path: `/proc/${pid.of}/ns/pid` }) }];
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: Object.fromEntries(sets),
      noNewPrivileges: false,
    },
    root: { path: root, readonly: true },
    mounts: [
      pid === "host"
        ? { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] }
        : { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] },
    ],
    linux: { cgroupsPath: cgroup, namespaces: [...pids, ...["mount", "ipc", "uts"].map((type) => ({ type }))] },
  };
}
