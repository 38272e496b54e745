import { z } from "zod";
import { internal, notFound } from "../../errors/crib-error.ts";
import type { Image } from "../../gen/runtime/v1/api_pb.ts";
import type { DaemonClient } from "../program/client.ts";

const layerSchema = z.object({ chainID: z.string(), diffID: z.string(), diskBytes: z.number(), inodes: z.number() });
const stepSchema = z.object({
  created: z.string().optional(),
  created_by: z.string().optional(),
  comment: z.string().optional(),
  empty_layer: z.boolean().optional(),
});
const blobSchema = z.object({ digest: z.string(), sizeBytes: z.number() });
const infoSchema = z.object({
  layers: z.array(layerSchema),
  blobs: z.array(blobSchema).optional(),
  imageSpec: z.object({ history: z.array(stepSchema).nullish() }),
});

/** A layer as it lies on the disk. */
export type StoredLayer = z.infer<typeof layerSchema>;
/** A step of an image's making, as its builder wrote it down. */
export type BuildStep = z.infer<typeof stepSchema>;

export interface ImageInfo {
  readonly image: Image;
  /** Bottom first. */
  readonly layers: readonly StoredLayer[];
  /** As they were pushed, those that are kept. */
  readonly blobs: readonly z.infer<typeof blobSchema>[];
  /** Oldest first; builders may write none. */
  readonly history: readonly BuildStep[];
}

/** What the daemon tells of an image in a verbose status. @throws {CribError} not-found. */
export async function readImageInfo(daemon: DaemonClient, word: string): Promise<ImageInfo> {
  const { image, info } = await daemon.images.imageStatus({ image: { image: word }, verbose: true });
  if (image === undefined) throw notFound("image", word);
  const parsed = infoSchema.safeParse(JSON.parse(info["info"] ?? "null"));
  if (!parsed.success)
    throw internal(`the daemon on ${daemon.address} tells nothing of an image's layers: is it crib?`);
  return {
    image,
    layers: parsed.data.layers,
    blobs: parsed.data.blobs ?? [],
    history: parsed.data.imageSpec.history ?? [],
  };
}
