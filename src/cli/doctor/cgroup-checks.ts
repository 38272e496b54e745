import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";

const mountRoot = "/sys/fs/cgroup";
/** CGROUP2_SUPER_MAGIC of statfs(2). */
const cgroup2Magic = 0x63677270;

const needed = ["cpu", "memory", "pids"] as const;
const wanted = ["cpuset", "cpuacct", "devices", "freezer", "hugetlb"] as const;

export const cgroupChecks: readonly Check[] = [cgroupMode, neededControllers, wantedControllers];

type Mode = "v2" | "hybrid" | "v1" | "none";

function modeOf(host: DoctorHost): Mode {
  if (host.statfs(mountRoot)?.type === cgroup2Magic) return "v2";
  if (!host.exists(`${mountRoot}/memory`) && !host.exists(`${mountRoot}/cpu`)) return "none";
  return host.statfs(`${mountRoot}/unified`)?.type === cgroup2Magic ? "hybrid" : "v1";
}

function cgroupMode(host: DoctorHost): Finding {
  const mode = modeOf(host);
  switch (mode) {
    case "v2":
      return ok("cgroups", "mode", "v2");
    case "hybrid":
    case "v1":
      return warn(
        "cgroups",
        "mode",
        mode,
        "works; recent kubelets refuse cgroup v1 by default: boot with systemd.unified_cgroup_hierarchy=1",
      );
    case "none":
      return fail("cgroups", "mode", `nothing is mounted on ${mountRoot}`, "mount -t cgroup2 none /sys/fs/cgroup");
  }
}

function controllersOf(host: DoctorHost): readonly string[] {
  if (modeOf(host) === "v2") return (host.readText(`${mountRoot}/cgroup.controllers`) ?? "").trim().split(/\s+/);
  return (host.list(mountRoot) ?? []).flatMap((name) => name.split(","));
}

function neededControllers(host: DoctorHost): Finding {
  const missing = needed.filter((name) => !controllersOf(host).includes(name));
  return missing.length === 0
    ? ok("cgroups", "controllers", needed.join(" "))
    : fail(
        "cgroups",
        "controllers",
        `missing: ${missing.join(" ")}`,
        "boot with cgroup_enable=memory, or enable them in the parent cgroup",
      );
}

/** On v2 the freezer is part of the core, devices are BPF programs and cpuacct is part of cpu. */
function wantedControllers(host: DoctorHost): Finding {
  const list = modeOf(host) === "v2" ? (["cpuset", "hugetlb"] as const) : wanted;
  const missing = list.filter((name) => !controllersOf(host).includes(name));
  return missing.length === 0
    ? ok("cgroups", "more controllers", list.join(" "))
    : warn("cgroups", "more controllers", `without ${missing.join(" ")}`, "limits that need them will be refused");
}
