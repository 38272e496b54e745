import { apparmorParserPaths } from "../../runtime/apparmor/apparmor-parser.ts";
import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { type KernelOption, kernelRelease, presenceOf } from "./kernel-option.ts";

/** openat2, clone3 with CLONE_INTO_CGROUP, pidfd_getfd and the new mount API are all there from 5.7 on. */
const oldestKernel = [5, 7] as const;
/** mount_setattr(2), which makes read-only binds recursive. */
const recursiveReadOnlyKernel = [5, 12] as const;

export const kernelChecks: readonly Check[] = [
  kernelVersion,
  probeOf("openat2", "openat2", "container paths cannot be resolved safely"),
  probeOf("pidfd_open", "pidfd", "processes cannot be told from later ones with the same number"),
  probeOf("new-mount-api", "mount API (fsopen, open_tree)", "root filesystems cannot be made"),
  clone3,
  overlay,
  seccomp,
  namespaces,
  userNamespaces,
  securityModules,
  appArmor,
];

function kernelVersion(host: DoctorHost): Finding {
  const release = kernelRelease(host);
  if (!atLeast(release, oldestKernel)) {
    return fail(
      "kernel",
      "version",
      release,
      `crib needs Linux ${oldestKernel.join(".")} or later: boot a newer kernel`,
    );
  }
  if (!atLeast(release, recursiveReadOnlyKernel)) {
    return warn(
      "kernel",
      "version",
      release,
      `recursive read-only mounts need Linux ${recursiveReadOnlyKernel.join(".")}`,
    );
  }
  return ok("kernel", "version", release);
}

function probeOf(call: Parameters<DoctorHost["probe"]>[0], name: string, consequence: string): Check {
  return (host) => {
    const works = host.probe(call);
    if (works === true) return ok("kernel", name, "works");
    if (works === undefined)
      return warn("kernel", name, "could not be tried here", "run `crib doctor` as root, outside any sandbox");
    return fail(
      "kernel",
      name,
      `refused: ${consequence}`,
      "allow the call in the sandbox around this machine, or boot a newer kernel",
    );
  };
}

/** It has no harmless form to try; its flag for cgroups came with 5.7. */
function clone3(host: DoctorHost): Finding {
  const release = kernelRelease(host);
  return atLeast(release, [5, 7])
    ? ok("kernel", "clone3", `by version (${release})`)
    : fail("kernel", "clone3", `not before 5.7 (${release})`, "boot a newer kernel");
}

function overlay(host: DoctorHost): Finding {
  if (/\toverlay$/m.test(host.readText("/proc/filesystems") ?? "")) return ok("kernel", "overlay", "available");
  return optionFinding(
    host,
    "overlay",
    { config: "OVERLAY_FS", module: "overlay", symbol: "ovl_fill_super" },
    "no container can have a root filesystem",
  );
}

function optionFinding(host: DoctorHost, name: string, option: KernelOption, consequence: string): Finding {
  const presence = presenceOf(host, option);
  switch (presence) {
    case "present":
      return ok("kernel", name, "available");
    case "loadable":
      return warn(
        "kernel",
        name,
        "a module that is not loaded",
        `modprobe ${option.module}, and name it in /etc/modules-load.d/crib.conf`,
      );
    case "unknown":
      return warn("kernel", name, "cannot be told on this machine", "look for it in the kernel's configuration");
    case "absent":
      return fail("kernel", name, `missing: ${consequence}`, `boot a kernel with CONFIG_${option.config}`);
  }
}

function seccomp(host: DoctorHost): Finding {
  const actions = host.readText("/proc/sys/kernel/seccomp/actions_avail");
  if (actions === undefined)
    return fail("kernel", "seccomp", "not in this kernel", "boot a kernel with CONFIG_SECCOMP_FILTER");
  const missing = ["kill_process", "errno", "log", "allow"].filter((action) => !actions.split(/\s+/).includes(action));
  return missing.length === 0
    ? ok("kernel", "seccomp", actions.trim())
    : warn("kernel", "seccomp", `without ${missing.join(", ")}`, "profiles that use these actions will be refused");
}

function namespaces(host: DoctorHost): Finding {
  const names = host.list("/proc/self/ns") ?? [];
  const missing = ["mnt", "net", "ipc", "uts", "pid", "cgroup"].filter((name) => !names.includes(name));
  return missing.length === 0
    ? ok("kernel", "namespaces", "mnt net ipc uts pid cgroup")
    : fail("kernel", "namespaces", `missing: ${missing.join(" ")}`, "boot a kernel with these namespaces");
}

function userNamespaces(host: DoctorHost): Finding {
  const limit = Number(host.readText("/proc/sys/user/max_user_namespaces") ?? 0);
  return limit > 0
    ? ok("kernel", "user namespaces", `at most ${limit}`)
    : warn(
        "kernel",
        "user namespaces",
        "switched off",
        "only pods with `hostUsers: false` need them: sysctl user.max_user_namespaces=15000",
      );
}

function securityModules(host: DoctorHost): Finding {
  const modules = host.readText("/sys/kernel/security/lsm")?.trim();
  return ok("kernel", "security modules", modules === undefined || modules === "" ? "none told" : modules);
}

function appArmor(host: DoctorHost): Finding {
  const enabled = host.readText("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") ?? false;
  if (!enabled) return ok("kernel", "AppArmor", "not enabled: pods that name a profile are refused");
  return apparmorParserPaths.some((path) => host.exists(`/${path}`))
    ? ok("kernel", "AppArmor", "enabled, with a parser to load the default profile")
    : warn(
        "kernel",
        "AppArmor",
        "enabled, without apparmor_parser: RuntimeDefault is refused, and pods that name no profile are not confined",
        "install the package apparmor",
      );
}

function atLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const [, haveMajor = "0", haveMinor = "0"] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(haveMajor) > major || (Number(haveMajor) === major && Number(haveMinor) >= minor);
}
