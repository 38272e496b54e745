import { join } from "node:path";
import { openChaosBed } from "./chaos-bed.ts";
import type { Fault } from "./faults.ts";

/** How a pull against a fault ended. */
export interface FaultRow {
  readonly name: string;
  readonly expected: string;
  readonly ended: string;
  readonly message: string;
  readonly ms: number;
  /** Peak memory over what the process had before. */
  readonly grownKib: number;
  /** What it left for the next try. */
  readonly leftBytes: number;
}

const limitMs = 180_000;

/** Makes the fault and lets a process of its own pull against it. */
export async function runFault(fault: Fault): Promise<FaultRow> {
  using bed = openChaosBed();
  const reference = fault.make(bed) ?? bed.reference;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "puller.ts"), bed.directory, reference], {
    stdout: "pipe",
    stderr: "inherit",
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  const said = await new Response(child.stdout).text();
  await child.exited;
  const outcome =
    said === ""
      ? { ended: "never", message: "the process did not end by itself", ms: limitMs, grownKib: 0, leftBytes: 0 }
      : (JSON.parse(said) as Omit<FaultRow, "name" | "expected">);
  return { name: fault.name, expected: fault.ends, ...outcome };
}

/** The rows as a table for people. */
export function faultTable(rows: readonly FaultRow[]): string {
  const lines = rows.map(({ name, ended, expected, ms, grownKib, leftBytes }) => [
    name,
    ended === expected ? ended : `${ended}, not ${expected}`,
    `${(ms / 1000).toFixed(1)} s`,
    `${(grownKib / 1024).toFixed(0)} MiB`,
    `${(leftBytes / 1024).toFixed(0)} KiB`,
  ]);
  const all = [["fault", "ends", "time", "memory", "left"], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  return all
    .map((cells) =>
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
