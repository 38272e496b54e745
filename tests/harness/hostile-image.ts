import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { buildStaticBinary, type ProgramName } from "../fixtures/static-binary.ts";
import { uniqueNumber } from "./pod-config.ts";
import type { TestBed } from "./test-bed.ts";

/**
 * Pushes and pulls an image with a shell, the programs /bin/pause and /bin/attack (tests/fixtures/attack.c), and whatever
 * `change` plants in it, and further `programs` of tests/fixtures. @returns its reference
 */
export async function hostileImage(
  bed: TestBed,
  change: (layer: LayerBuilder) => LayerBuilder = (layer) => layer,
  config: object = {},
  programs: readonly ProgramName[] = [],
): Promise<string> {
  const layer = new LayerBuilder().dir("bin").file("bin/busybox", readFileSync("/bin/busybox"), { mode: 0o755 });
  for (const applet of ["sh", "ls", "cat", "wc", "grep", "stat", "true", "tail"]) {
    layer.hardLink(`bin/${applet}`, "bin/busybox");
  }
  for (const program of ["pause", "attack", ...programs] as const) {
    const built = join(bed.engine.directory, program);
    if (!existsSync(built)) buildStaticBinary(program, bed.engine.directory);
    layer.file(`bin/${program}`, readFileSync(built), { mode: 0o755 });
  }
  const image = buildImage([compressLayer(change(layer).build())], { Cmd: ["/bin/sh"], ...config });
  const reference = await bed.registry.push(`hostile/image-${process.pid}-${uniqueNumber()}`, "1", image);
  await bed.cri.images.pullImage({ image: { image: reference } });
  return reference;
}
