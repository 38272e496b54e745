import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { sampleWritableLayers } from "../sample-stats.ts";
import { WritableTotals } from "../writable-totals.ts";

/**
 * What images and what containers' writable layers use: the kubelet's image garbage collection goes by it.
 *
 * Both live under one root, so both name the same mountpoint: two names would tell the kubelet of a split disk.
 */
export function imageFsInfo({
  images,
  pods,
  clock,
  log,
}: Pick<CriDeps, "images" | "pods" | "clock" | "log">): ImageRpc<"imageFsInfo"> {
  const writable = new WritableTotals(() => sampleWritableLayers({ pods, clock, log }), clock, log);
  return async () => {
    const usage = images.usage();
    const layers = await writable.current();
    const toUsage = (usedBytes: bigint, usedInodes: bigint) => ({
      timestamp: clock.now(),
      fsId: { mountpoint: usage.mountpoint },
      usedBytes: { value: usedBytes },
      inodesUsed: { value: usedInodes },
    });
    return {
      imageFilesystems: [toUsage(usage.usedBytes, usage.usedInodes)],
      containerFilesystems: [toUsage(layers.usedBytes, layers.usedInodes)],
    };
  };
}
