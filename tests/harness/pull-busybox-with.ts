import { type BuiltLayer, buildImage, compressLayer, type ImageRunConfig } from "../fixtures/image-builder.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { busyboxLayer } from "../fixtures/test-images.ts";
import type { TestBed } from "./test-bed.ts";

/** Pushes busybox with a layer on top of it, and pulls it. @returns its reference */
export async function pullBusyboxWith(
  bed: TestBed,
  name: string,
  extra: BuiltLayer,
  config: ImageRunConfig = {},
): Promise<string> {
  const pause = buildStaticBinary("pause", bed.engine.directory);
  const layers = [compressLayer(busyboxLayer(pause)), extra];
  const image = await bed.registry.push(`hostile/${name}`, "1", buildImage(layers, { Cmd: ["/bin/sh"], ...config }));
  await bed.cri.images.pullImage({ image: { image } });
  return image;
}
