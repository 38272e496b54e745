import { invalidArgument } from "../errors/crib-error.ts";

/** A sysctl as the monitor writes it: `/` between the parts of the key. */
export interface Sysctl {
  readonly key: string;
  readonly value: string;
}

const ipcKeys: ReadonlySet<string> = new Set([
  "kernel/msgmax",
  "kernel/msgmnb",
  "kernel/msgmni",
  "kernel/sem",
  "kernel/shmall",
  "kernel/shmmax",
  "kernel/shmmni",
  "kernel/shm_rmid_forced",
]);

/** What containerd 2 grants every pod with a network of its own: low ports and ping without a capability. */
const networkDefaults: readonly Sysctl[] = [
  { key: "net/ipv4/ip_unprivileged_port_start", value: "0" },
  { key: "net/ipv4/ping_group_range", value: "0 2147483647" },
];

/**
 * A pod's sysctls: only those the kernel keeps per namespace, and only of namespaces the pod does not share with the host
 * (CVE-2022-0811: one key, one value, one character set). The pod's own win over the defaults.
 *
 * @throws {CribError} invalid-argument naming the key.
 */
export function validateSysctls(
  requested: Readonly<Record<string, string>>,
  modes: { readonly hostNetwork: boolean; readonly hostIpc: boolean },
): readonly Sysctl[] {
  const sysctls = new Map<string, string>();
  if (!modes.hostNetwork) for (const { key, value } of networkDefaults) sysctls.set(key, value);
  for (const [name, value] of Object.entries(requested)) {
    const key = normaliseKey(name);
    checkNamespace(name, key, modes);
    if (!/^[0-9A-Za-z_.,: \t-]+$/.test(value)) {
      throw invalidArgument(
        `sysctl ${quote(name)} has a value of other characters than letters, digits and "_.,:-": ${quote(value)}`,
      );
    }
    sysctls.set(key, value);
  }
  return [...sysctls].map(([key, value]) => ({ key, value }));
}

/**
 * sysctl(8)'s two spellings: separators are `.` and a `/` stands for a dot inside a part, or the other way round; whichever
 * comes first separates.
 */
function normaliseKey(name: string): string {
  const firstDot = name.indexOf(".");
  const firstSlash = name.indexOf("/");
  const dotSeparates = firstSlash < 0 || (firstDot >= 0 && firstDot < firstSlash);
  const key = dotSeparates ? name.replace(/[./]/g, (separator) => (separator === "." ? "/" : ".")) : name;
  const parts = key.split("/");
  const sound =
    parts.length > 1 && parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part) && part !== "." && part !== "..");
  if (!sound || name.length > 256) throw invalidArgument(`sysctl name ${quote(name)} is malformed`);
  return key;
}

function checkNamespace(
  name: string,
  key: string,
  modes: { readonly hostNetwork: boolean; readonly hostIpc: boolean },
): void {
  if (key.startsWith("net/")) {
    if (modes.hostNetwork) throw invalidArgument(`sysctl ${quote(name)} cannot be set in a pod on the host's network`);
    return;
  }
  if (ipcKeys.has(key) || key.startsWith("fs/mqueue/")) {
    if (modes.hostIpc)
      throw invalidArgument(`sysctl ${quote(name)} cannot be set in a pod on the host's ipc namespace`);
    return;
  }
  throw invalidArgument(`sysctl ${quote(name)} is not kept per namespace: it would change the whole host`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
