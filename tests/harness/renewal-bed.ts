import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { createMonitorLauncher } from "../../src/runtime/native/monitor/launcher.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import type { MonitorLauncher } from "../../src/runtime/native/monitor/port.ts";
import type { MonitorBed } from "./monitor-bed.ts";

/** What hands monitors another executable than the bed's. */
export interface Renewer extends Disposable {
  readonly launcher: MonitorLauncher;
}

/** The executable must be one of a monitor's, as it says in it. */
export function openRenewer({ kernel }: Pick<MonitorBed, "kernel">, executable: Uint8Array): Renewer {
  const sealed = new OwnedFd(kernel, kernel.sealedMemfd("crib-monitor", executable));
  const launcher = createMonitorLauncher({
    kernel,
    monitorExecutable: sealed.fd,
    monitorBuild: monitorBuildOf(executable),
    clock: createSystemClock(),
  });
  return { launcher, [Symbol.dispose]: () => sealed[Symbol.dispose]() };
}

/** The same monitor by another name of the same length. */
export function renamedMonitor(executable: Uint8Array): Uint8Array {
  const renamed = Buffer.from(executable);
  const name = monitorBuildOf(executable);
  renamed.write("x".repeat(name.length), renamed.indexOf(`crib-monitor-build:${name}`) + "crib-monitor-build:".length);
  return renamed;
}
