import type { CgroupFiles } from "../files/cgroup-files.ts";
import { readOptional } from "../files/flat-keyed.ts";
import type { PressureStats } from "../port.ts";

type PressureLine = PressureStats["some"];

const nothing: PressureLine = { totalUs: 0n, avg10: 0, avg60: 0, avg300: 0 };

/** A *.pressure file (kernel Documentation/accounting/psi.rst); undefined on kernels without PSI. */
export function readPressure(files: CgroupFiles, path: string): PressureStats | undefined {
  const text = readOptional(files, path);
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  return { some: parseLine(lines, "some"), full: parseLine(lines, "full") };
}

/** `some avg10=0.12 avg60=0.05 avg300=0.01 total=12345`; cpu.pressure of older kernels has no "full" line. */
function parseLine(lines: readonly string[], name: string): PressureLine {
  const match = /^\w+ avg10=(\S+) avg60=(\S+) avg300=(\S+) total=(\d+)$/.exec(
    lines.find((line) => line.startsWith(`${name} `)) ?? "",
  );
  if (match === null) return nothing;
  return { avg10: Number(match[1]), avg60: Number(match[2]), avg300: Number(match[3]), totalUs: BigInt(match[4] ?? 0) };
}
