import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";

/** Bits of capabilities(7) that crib uses, and what is lost without each. */
const capabilities: readonly {
  readonly bit: number;
  readonly name: string;
  readonly loss: string;
  readonly severity: "warn" | "fail";
}[] = [
  { bit: 0, name: "CAP_CHOWN", loss: "layers cannot keep their owners", severity: "fail" },
  { bit: 5, name: "CAP_KILL", loss: "containers of other users cannot be stopped", severity: "fail" },
  { bit: 12, name: "CAP_NET_ADMIN", loss: "pods get no network", severity: "fail" },
  { bit: 21, name: "CAP_SYS_ADMIN", loss: "no namespaces, no mounts", severity: "fail" },
  {
    bit: 24,
    name: "CAP_SYS_RESOURCE",
    loss: "oom_score_adj cannot be lowered nor limits raised: pods run without",
    severity: "warn",
  },
  { bit: 27, name: "CAP_MKNOD", loss: "images with device nodes cannot be unpacked", severity: "warn" },
];

/** An inotify watch is cheap, and every pod's agents want some. */
const fewInotifyInstances = 512;
const fewOpenFiles = 65_536;
const fewProcesses = 32_768;

export const limitChecks: readonly Check[] = [rootUser, ...capabilities.map(capability), openFiles, inotify, processes];

function rootUser(host: DoctorHost): Finding {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(host.readText("/proc/self/status") ?? "")?.[1];
  return uid === "0"
    ? ok("limits", "user", "root")
    : fail("limits", "user", `uid ${uid ?? "unknown"}`, "run crib as root");
}

function capability({ bit, name, loss, severity }: (typeof capabilities)[number]): Check {
  return (host) => {
    const mask = /^CapEff:\s+([0-9a-f]+)/m.exec(host.readText("/proc/self/status") ?? "")?.[1];
    if (mask !== undefined && (BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) return ok("limits", name, "held");
    return {
      area: "limits",
      name,
      severity,
      detail: `missing: ${loss}`,
      advice: "give it to the service, or to the machine's sandbox",
    };
  };
}

function openFiles(host: DoctorHost): Finding {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(host.readText("/proc/self/limits") ?? "")?.[1] ?? "0";
  return hard === "unlimited" || Number(hard) >= fewOpenFiles
    ? ok("limits", "open files", hard)
    : warn(
        "limits",
        "open files",
        `at most ${hard}`,
        "under crib.service systemd allows 524288: raise the limit of what starts crib instead",
      );
}

function inotify(host: DoctorHost): Finding {
  const instances = Number(host.readText("/proc/sys/fs/inotify/max_user_instances") ?? 0);
  return instances >= fewInotifyInstances
    ? ok("limits", "inotify instances", String(instances))
    : warn(
        "limits",
        "inotify instances",
        `at most ${instances} a user`,
        "pods share it: sysctl fs.inotify.max_user_instances=8192",
      );
}

function processes(host: DoctorHost): Finding {
  const limit = Number(host.readText("/proc/sys/kernel/pid_max") ?? 0);
  return limit > fewProcesses
    ? ok("limits", "process numbers", `up to ${limit}`)
    : warn("limits", "process numbers", `up to ${limit}`, "few for a full node: sysctl kernel.pid_max=4194304");
}
