import { mkdirSync, readdirSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { headOf, RawRegistry } from "../fixtures/raw-registry.ts";
import { openImages } from "../harness/image-service.ts";
import { layerHelpers } from "../harness/layer-helpers.ts";
import type { Random } from "../harness/random.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** How blobs come: past the process that pulls, or through it, as those of TLS do. */
export const blobWays = ["past", "through"] as const;
export type BlobWay = (typeof blobWays)[number];

export interface KilledPulls {
  /** Kills that met a blob on its way. */
  readonly caught: number;
  /** Bytes that were sent and came again, of each of those: what the daemon had not written yet, and what it had not even read. */
  readonly sentTwice: readonly number[];
  /** What must not be: something on the disk that was fetched again, or is left. */
  readonly wrong: readonly string[];
}

const pieceBytes = 16 * 1024;
const pieceMs = 2;
const layerBytes = 3_000_000;

/** Kills a process at random moments of its pulls, from a registry that sends at a steady pace, and looks at what it asks for next. */
export async function killPulls(kills: number, way: BlobWay, random: Random): Promise<KilledPulls> {
  const layer = compressLayer(new LayerBuilder().file("file", noise(layerBytes)).build());
  using registry = new RawRegistry(buildImage([layer], {}), layer.blob.digest);
  const workspace = openWorkspace("killed-pulls");
  try {
    mkdirSync(join(workspace.path, "hosts"));
    const reference = `${await registry.listen()}/r:1`;
    const pace = paceAnswers(registry, layer.blob.bytes);
    const ingest = join(workspace.path, "root/content/ingest", layer.blob.digest.replace(":", "-"));
    const sentTwice: number[] = [];
    const wrong: string[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const before = statSync(ingest, { throwIfNoEntry: false })?.size ?? 0;
      const asked = registry.layerRequests.length;
      await killOne(workspace.path, reference, way, random, () => registry.layerRequests.length > asked);
      const first = registry.layerRequests[asked]?.range ?? 0;
      if (first !== before) wrong.push(`kill ${kill}: ${before} bytes were there, asked from ${first}`);
      await waitUntil(() => layerHelpers(workspace.path).length === 0, { what: "its helpers end with it" });
      const after = statSync(ingest, { throwIfNoEntry: false })?.size;
      if (after !== undefined) sentTwice.push(pace.sentUpTo() - after);
    }
    wrong.push(...(await leftovers(workspace.path, reference)));
    return { caught: sentTwice.length, sentTwice, wrong };
  } finally {
    workspace.remove();
  }
}

async function killOne(
  directory: string,
  reference: string,
  way: BlobWay,
  random: Random,
  isAsked: () => boolean,
): Promise<void> {
  const program = join(import.meta.dir, "../fixtures/pull-process.ts");
  const child = Bun.spawn([process.execPath, program, directory, reference, way], {
    stdout: "ignore",
    stderr: "inherit",
  });
  try {
    await waitUntil(isAsked, { what: "the blob is asked for" });
    await Bun.sleep(random.between(0, 150));
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

/** A piece at a time, so that little is on its way. */
function paceAnswers(registry: RawRegistry, bytes: Uint8Array): { sentUpTo(): number } {
  let upTo = 0;
  registry.answer = (socket: Socket, { range = 0 }) => {
    upTo = range;
    socket.write(`${headOf(bytes.length, range)}\r\n\r\n`);
    const timer = setInterval(() => {
      if (socket.writableLength > 0) return;
      socket.write(bytes.subarray(upTo, upTo + pieceBytes));
      upTo = Math.min(bytes.length, upTo + pieceBytes);
      if (upTo < bytes.length) return;
      clearInterval(timer);
      socket.end();
    }, pieceMs);
    socket.on("close", () => clearInterval(timer));
    return true;
  };
  return { sentUpTo: () => upTo };
}

/** Pulls once more, removes, and lists what is there then. */
async function leftovers(directory: string, reference: string): Promise<readonly string[]> {
  using service = await openImages(directory);
  await service.images.collectGarbage();
  const { id } = await service.pull(reference);
  await service.images.remove(id);
  await service.images.collectGarbage();
  const places = ["content/ingest", "content/sha256", "layers/ingest", "layers/sha256", "layers/trash"];
  return places.flatMap((place) =>
    readdirSync(join(directory, "root", place)).map((name) => `${place}/${name} is left`),
  );
}

/** The middle one: a machine that does much else lets a process read late, and what waits in its socket was sent. */
export function middleOf({ sentTwice }: KilledPulls): number {
  return sentTwice.toSorted((a, b) => a - b)[Math.floor(sentTwice.length / 2)] ?? 0;
}

/** What may come again after a kill, with a piece on its way. Bun's client reads ahead of whoever reads from it, as far as it likes. */
export const mayComeAgainBytes: Readonly<Record<BlobWay, number>> = {
  past: 64 * 1024 + pieceBytes,
  through: 2 * 2 ** 20,
};

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}
