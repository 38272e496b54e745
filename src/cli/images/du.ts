import type { Command } from "commander";
import { humanSize } from "../format/human-size.ts";
import { shortId } from "../format/short-id.ts";
import { printTable } from "../format/table.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { type ImageInfo, readImageInfo } from "./read-image-info.ts";

interface DuOptions {
  readonly json?: true;
}

/** What an image weighs on the disk: its layers, and the blobs they came as. */
export interface ImageWeight {
  readonly name: string;
  readonly id: string;
  /** What no other image has: its removal frees that. */
  readonly aloneBytes: number;
  readonly sharedBytes: number;
  readonly layerBytes: number;
  readonly blobBytes: number;
}

/** `crib images du`: what images weigh, alone and together. */
export function addImagesDuVerb(images: Command, cli: Cli): void {
  withDaemonOptions(images.command("du"))
    .description("show what images weigh on the disk, each alone and shared with others, layers and kept blobs")
    .option("--json", "print JSON: images and totals in bytes")
    .addHelpText("after", examples(["crib images du", "heaviest first; ALONE is what crib rmi would free"]))
    .action(
      daemonVerb<DuOptions>(cli, async (daemon, _args, { json }) => {
        const { images: listed } = await daemon.images.listImages({});
        const infos = await Promise.all(listed.map(({ id }) => readImageInfo(daemon, id)));
        const weights = imageWeights(infos).toSorted(
          (a, b) => b.aloneBytes - a.aloneBytes || a.name.localeCompare(b.name),
        );
        const total = totalWeight(infos);
        if (json) {
          printJson(cli.io, { images: weights, ...total });
          return;
        }
        printTable(
          cli.io.stdout,
          [
            { title: "IMAGE", value: ({ name }) => name },
            { title: "ID", value: ({ id }) => shortId(id) },
            { title: "ALONE", value: ({ aloneBytes }) => humanSize(aloneBytes), align: "right" },
            { title: "SHARED", value: ({ sharedBytes }) => humanSize(sharedBytes), align: "right" },
            { title: "LAYERS", value: ({ layerBytes }) => humanSize(layerBytes), align: "right" },
            { title: "BLOBS", value: ({ blobBytes }) => humanSize(blobBytes), align: "right" },
          ],
          weights,
        );
        const { layerBytes, blobBytes } = total;
        cli.io.stdout.write(
          `${humanSize(layerBytes + blobBytes)} on the disk: ${humanSize(layerBytes)} of layers, ${humanSize(blobBytes)} of blobs\n`,
        );
      }),
    );
}

type Weighed = Pick<ImageInfo, "image" | "layers" | "blobs">;

export function imageWeights(infos: readonly Weighed[]): readonly ImageWeight[] {
  const owners = new Map<string, number>();
  for (const info of infos) for (const { key } of partsOf(info)) owners.set(key, (owners.get(key) ?? 0) + 1);
  return infos.map((info) => {
    const parts = partsOf(info);
    const { image } = info;
    return {
      name: image.repoTags[0] ?? image.repoDigests[0] ?? image.id,
      id: image.id,
      aloneBytes: sum(parts.filter(({ key }) => owners.get(key) === 1)),
      sharedBytes: sum(parts.filter(({ key }) => owners.get(key) !== 1)),
      layerBytes: sum(parts.filter(({ kind }) => kind === "layer")),
      blobBytes: sum(parts.filter(({ kind }) => kind === "blob")),
    };
  });
}

function totalWeight(infos: readonly Weighed[]): { readonly layerBytes: number; readonly blobBytes: number } {
  const parts = [...new Map(infos.flatMap(partsOf).map((part) => [part.key, part])).values()];
  return {
    layerBytes: sum(parts.filter(({ kind }) => kind === "layer")),
    blobBytes: sum(parts.filter(({ kind }) => kind === "blob")),
  };
}

interface Part {
  readonly kind: "layer" | "blob";
  readonly key: string;
  readonly bytes: number;
}

/** Each part once, however often an image has it. */
function partsOf({ layers, blobs }: Weighed): readonly Part[] {
  const parts = [
    ...layers.map(({ chainID, diskBytes }): Part => ({ kind: "layer", key: `layer ${chainID}`, bytes: diskBytes })),
    ...blobs.map(({ digest, sizeBytes }): Part => ({ kind: "blob", key: `blob ${digest}`, bytes: sizeBytes })),
  ];
  return [...new Map(parts.map((part) => [part.key, part])).values()];
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, { bytes }) => total + bytes, 0);
}
