import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../harness/random.ts";
import { mountRecordedDisk, recordedDiskBytes } from "../../harness/recorded-disk.ts";
import { openWorkspace } from "../../harness/workspace.ts";
import { checkStore } from "./check-store.ts";
import { ReplayedDisk, readDiskLog } from "./disk-log.ts";
import { type KnownTrees, type StoreKind, StoreLife } from "./store-life.ts";

export interface PowerCutBounds {
  /** Every so manieth barrier is cut at. */
  readonly every: number;
  /** Cuts behind each of those, with some of the writes to the next one. */
  readonly torn: number;
}

interface RecordedLife {
  readonly log: string;
  /** Where in the log the store's life begins: before it the file system is made. */
  readonly bornAt: number;
}

export interface PowerCutReport {
  readonly barriers: number;
  readonly cuts: number;
  /** Over all cuts. */
  readonly wholeImages: number;
  readonly damaged: readonly string[];
}

/**
 * Records every write of a store's life on an ext4, and then cuts its power: at each barrier with exactly what was written before, and
 * behind it with some of what came next. After each cut every image is whole, or absent and can be pulled.
 */
export async function soakPowerCuts(kind: StoreKind, bounds: PowerCutBounds, random: Random): Promise<PowerCutReport> {
  const workspace = openWorkspace("power-cut");
  using life = new StoreLife();
  try {
    mkdirSync(join(workspace.path, "life"));
    const recorded = await record(join(workspace.path, "life"), kind, life);
    const { known } = recorded;
    return await cutEverywhere(workspace.path, recorded, bounds, random, async (directory, again) =>
      checkStore(directory, kind, known, life, again),
    );
  } finally {
    workspace.remove();
  }
}

async function record(
  directory: string,
  kind: StoreKind,
  life: StoreLife,
): Promise<RecordedLife & { readonly known: KnownTrees }> {
  await using disk = await mountRecordedDisk(directory);
  Bun.spawnSync(["sync", "-f", disk.path]);
  const bornAt = statSync(disk.log).size;
  return { known: await life.live(disk.path, kind), log: disk.log, bornAt };
}

async function cutEverywhere(
  directory: string,
  { log, bornAt }: RecordedLife,
  { every, torn }: PowerCutBounds,
  random: Random,
  check: (directory: string, again: boolean) => ReturnType<typeof checkStore>,
): Promise<PowerCutReport> {
  const epochs = readDiskLog(log);
  using disk = new ReplayedDisk(join(directory, "disk"), recordedDiskBytes);
  const damaged: string[] = [];
  let [cuts, wholeImages] = [0, 0];
  const cut = async (where: string): Promise<void> => {
    const place = join(directory, `cut-${++cuts}`);
    mkdirSync(place);
    await using mounted = await mountRecordedDisk(place, disk.path);
    const verdict = await check(mounted.path, cuts % 4 === 0);
    wholeImages += verdict.whole;
    damaged.push(...verdict.damaged.map((what) => `${where}: ${what}`));
  };
  for (const [barrier, { end, writes }] of epochs.entries()) {
    disk.apply(writes);
    if (end < bornAt || barrier % every !== 0) continue;
    await cut(`barrier ${barrier}`);
    for (let variant = 0; variant < torn; variant++) {
      using _torn = disk.tear(epochs[barrier + 1]?.writes ?? [], random);
      await cut(`behind barrier ${barrier}, variant ${variant}`);
    }
  }
  return { barriers: epochs.length, cuts, wholeImages, damaged };
}
