import { existsSync, readFileSync } from "node:fs";
import { arch } from "node:os";
import { failedPrecondition, internal } from "../errors/crib-error.ts";
import { capabilityMask } from "../kernel/capabilities.ts";
import type { HostFacts } from "../oci/host-facts.ts";
import { defaultRlimits, grantableRlimits } from "../oci/process/default-rlimits.ts";

const architectures: Readonly<Record<string, HostFacts["architecture"]>> = { x64: "amd64", arm64: "arm64" };

/** Looks at the machine once, at start; `oci/` and the plans are pure functions of what is found. */
export function readHostFacts(cgroupMode: HostFacts["cgroupMode"]): HostFacts {
  const architecture = architectures[arch()];
  if (architecture === undefined)
    throw failedPrecondition(`architecture ${arch()} is not supported: amd64 and arm64 are`);
  const version = kernelVersion(readFileSync("/proc/sys/kernel/osrelease", "utf8"));
  const status = readFileSync("/proc/self/status", "utf8");
  return Object.freeze({
    architecture,
    kernelVersion: version,
    capabilities: capabilitySet(status, "CapBnd"),
    cgroupMode,
    cgroupDelegation: cgroupMode === "v2" && delegatesToNamespaces(readFileSync("/proc/self/mountinfo", "utf8")),
    apparmor: readText("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
    selinux: existsSync("/sys/fs/selinux/enforce"),
    userNamespaces: userNamespaces(version),
    seccomp: existsSync("/proc/sys/kernel/seccomp/actions_avail"),
    rlimits: mayRaiseLimits(status)
      ? defaultRlimits
      : grantableRlimits(defaultRlimits, readFileSync("/proc/self/limits", "utf8")),
  });
}

/** Tells a reboot from a restart of the daemon (random(4)). */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function kernelVersion(release: string): HostFacts["kernelVersion"] {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) throw internal(`kernel release ${JSON.stringify(release)} is not a version`);
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Both files are there only with CONFIG_USER_NS; a limit of 0 is how distributions switch them off. */
function userNamespaces({ major, minor }: HostFacts["kernelVersion"]): boolean {
  const overlayTakesIdmaps = major > 5 || (major === 5 && minor >= 19);
  return (
    overlayTakesIdmaps &&
    existsSync("/proc/self/ns/user") &&
    Number(readText("/proc/sys/user/max_user_namespaces").trim()) > 0
  );
}

/** `… /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot`: an option of the hierarchy, not of the mount. */
function delegatesToNamespaces(mountinfo: string): boolean {
  return mountinfo.split("\n").some((line) => {
    const [type, , options = ""] = (line.split(" - ")[1] ?? "").split(" ");
    return type === "cgroup2" && options.split(",").includes("nsdelegate");
  });
}

function capabilitySet(status: string, name: "CapBnd" | "CapEff"): bigint {
  const match = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status);
  if (match === null) throw internal(`/proc/self/status has no ${name} line`);
  return BigInt(`0x${match[1]}`);
}

function mayRaiseLimits(status: string): boolean {
  return (capabilitySet(status, "CapEff") & capabilityMask(["CAP_SYS_RESOURCE"])) !== 0n;
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
