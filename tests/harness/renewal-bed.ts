import { expect } from "bun:test";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { createMonitorLauncher } from "../../src/runtime/native/monitor/launcher.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import type { MonitorLauncher } from "../../src/runtime/native/monitor/port.ts";
import { type MonitorBed, sh } from "./monitor-bed.ts";
import { waitUntil } from "./wait-until.ts";

/** What hands monitors another executable than the bed's. */
export interface Renewer extends Disposable {
  readonly launcher: MonitorLauncher;
}

/** The executable must be one of a monitor's, as it says in it. */
export function openRenewer({ kernel }: MonitorBed, executable: Uint8Array): Renewer {
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

/** Counts until it is told to end, then says how far it came: `end N` after N lines. */
export function counting(exitCode: number): { readonly argv: readonly string[] } {
  const end = `trap 'echo end $i; exit ${exitCode}' TERM`;
  return { argv: sh(`i=0; ${end}; while :; do echo line $i; i=$((i+1)); done`) };
}

/** Every line once and in order, whichever is the first; the last says how many there were. */
export function expectUnbroken(lines: readonly string[], firstLine?: number): void {
  const [first = ""] = lines;
  const start = Number(first.slice("line ".length));
  if (firstLine !== undefined) expect(start).toBe(firstLine);
  const wrong = lines.slice(0, -1).findIndex((line, index) => line !== `line ${start + index}`);
  expect(lines[wrong]).toBe(undefined as unknown as string);
  const end = Number(lines.at(-1)?.slice("end ".length));
  // A signal may come between a line and its count.
  expect([end, end + 1]).toContain(start + lines.length - 1);
}

/** Until there is more of it. */
export async function grown(what: string, size: () => number): Promise<void> {
  const before = size();
  await waitUntil(() => size() > before, { what });
}
