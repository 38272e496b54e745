import type { Command } from "commander";
import type { Image } from "../../gen/runtime/v1/api_pb.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { shortId } from "../format/short-id.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { type ImageInfo, readImageInfo } from "./read-image-info.ts";

interface TreeOptions {
  readonly json?: true;
}

/** A layer of some image, and how many images have it. */
interface SharedLayer {
  readonly chainId: string;
  readonly diskBytes: number;
  readonly images: number;
}

interface ImageTree {
  readonly name: string;
  readonly id: string;
  readonly diskBytes: number;
  /** Of layers that no other image has: what its removal frees. */
  readonly ownBytes: number;
  readonly layers: readonly SharedLayer[];
}

/** `crib images tree`: which layers images share, and what they weigh. */
export function addImagesTreeVerb(images: Command, cli: Cli): void {
  withDaemonOptions(images.command("tree"))
    .description("show the layers of images, what they weigh on the disk, and which are shared")
    .option("--json", "print JSON: images with their layers, bottom first")
    .addHelpText("after", examples(["crib images tree", "what removing an image would free"]))
    .action(
      daemonVerb<TreeOptions>(cli, async (daemon, _args, { json }) => {
        const { images: listed } = await daemon.images.listImages({});
        const infos = await Promise.all(listed.map(({ id }) => readImageInfo(daemon, id)));
        const trees = imageTrees(infos).toSorted((a, b) => a.name.localeCompare(b.name));
        if (json) printJson(cli.io, trees);
        else cli.io.stdout.write(trees.map(treeText).join("") + totalText(infos));
      }),
    );
}

export function imageTrees(infos: readonly Pick<ImageInfo, "image" | "layers">[]): readonly ImageTree[] {
  const owners = new Map<string, number>();
  for (const { layers } of infos)
    for (const chainId of new Set(layers.map(({ chainID }) => chainID)))
      owners.set(chainId, (owners.get(chainId) ?? 0) + 1);
  return infos.map(({ image, layers }) => {
    const shared = layers.map(({ chainID, diskBytes }) => ({
      chainId: chainID,
      diskBytes,
      images: owners.get(chainID) ?? 1,
    }));
    return {
      name: nameOf(image),
      id: image.id,
      diskBytes: sum(shared),
      ownBytes: sum(shared.filter(({ images }) => images === 1)),
      layers: shared,
    };
  });
}

function nameOf({ id, repoTags, repoDigests }: Image): string {
  return repoTags[0] ?? repoDigests[0] ?? id;
}

function sum(layers: readonly { readonly diskBytes: number }[]): number {
  return layers.reduce((total, { diskBytes }) => total + diskBytes, 0);
}

function treeText({ name, diskBytes, ownBytes, layers }: ImageTree): string {
  const head = `${printable(name)}  ${humanSize(diskBytes)}, ${humanSize(ownBytes)} of it its own\n`;
  const lines = layers.map(({ chainId, diskBytes: bytes, images }, position) => {
    const branch = position === layers.length - 1 ? "└─" : "├─";
    const others = images === 1 ? "" : `  in ${images} images`;
    return `${branch} ${shortId(chainId)}  ${humanSize(bytes)}${others}\n`;
  });
  return head + lines.join("");
}

function totalText(infos: readonly Pick<ImageInfo, "image" | "layers">[]): string {
  const layers = new Map(infos.flatMap((info) => info.layers).map((layer) => [layer.chainID, layer]));
  return `${infos.length} images, ${layers.size} layers, ${humanSize(sum([...layers.values()]))} on the disk\n`;
}
