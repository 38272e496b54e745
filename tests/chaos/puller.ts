import { readFileSync } from "node:fs";
import { openImages } from "../harness/image-service.ts";
import { stallTimeoutMs } from "./chaos-bed.ts";

/** A process that pulls once and says how it ended, for what it took. Arguments: directory, reference. */
const [directory = "", reference = ""] = process.argv.slice(2);
const kibibytes = (field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);

const service = await openImages(directory, { stallTimeoutMs });
const before = kibibytes("VmRSS");
const started = performance.now();
const outcome = await service.pull(reference).then(
  () => ({ ended: "pulled", message: "" }),
  (error: { code?: string; message: string }) => ({ ended: error.code ?? "untyped", message: error.message }),
);
const ms = Math.round(performance.now() - started);
const leftBytes = (await service.images.leftovers()).reduce((sum, leftover) => sum + leftover.bytes, 0);
process.stdout.write(JSON.stringify({ ...outcome, ms, grownKib: kibibytes("VmHWM") - before, leftBytes }));
process.exit(0);
