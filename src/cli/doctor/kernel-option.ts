import { gunzipSync } from "node:zlib";
import type { DoctorHost } from "../program/cli-io.ts";

/** Whether the running kernel has something: built in or loaded, there to be loaded, not there, or no way to tell. */
export type Presence = "present" | "loadable" | "absent" | "unknown";

/** What to look for: the Kconfig symbol, the module, and a function that a built-in one leaves in kallsyms. */
export interface KernelOption {
  readonly config: string;
  readonly module: string;
  readonly symbol: string;
}

export function kernelRelease(host: DoctorHost): string {
  return host.readText("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
}

/** Asks whatever the distribution left: loaded modules, the kernel's configuration, the module index, kallsyms. */
export function presenceOf(host: DoctorHost, option: KernelOption): Presence {
  const release = kernelRelease(host);
  if (new RegExp(`^${option.module} `, "m").test(host.readText("/proc/modules") ?? "")) return "present";
  const config = kernelConfig(host, release);
  const value =
    config === undefined ? undefined : new RegExp(`^CONFIG_${option.config}=([ym])$`, "m").exec(config)?.[1];
  if (value === "y") return "present";
  if (moduleOnDisk(host, release, option.module)) return "loadable";
  // `=m` without the file: a kernel whose modules are not installed, or were removed by an upgrade.
  if (config !== undefined) return "absent";
  const symbols = host.readText("/proc/kallsyms");
  if (symbols?.includes(` ${option.symbol}\n`)) return "present";
  return "unknown";
}

function kernelConfig(host: DoctorHost, release: string): string | undefined {
  const packed = host.readBytes("/proc/config.gz");
  if (packed !== undefined) return gunzipSync(packed).toString("latin1");
  return host.readText(`/boot/config-${release}`) ?? host.readText(`/lib/modules/${release}/config`);
}

function moduleOnDisk(host: DoctorHost, release: string, module: string): boolean {
  const pattern = new RegExp(`/${module.replaceAll("_", "[-_]")}\\.ko(?:\\.\\w+)?(?::|$)`, "m");
  const directory = `/lib/modules/${release}`;
  return [`${directory}/modules.builtin`, `${directory}/modules.dep`].some((file) =>
    pattern.test(host.readText(file) ?? ""),
  );
}
