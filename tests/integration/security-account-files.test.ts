import { describe, expect } from "bun:test";
import { truncateSync } from "node:fs";
import { hostileTar } from "../fixtures/hostile-tar.ts";
import { type BuiltLayer, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { hasSpareMonitor } from "../harness/has-spare-monitor.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import { pullBusyboxWith } from "../harness/pull-busybox-with.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const crib = onlyCrib("not asked");

const layerOf = (builder: LayerBuilder): BuiltLayer => compressLayer(builder.build());

/** Root and a real kernel. A layer's directory is on the disk of a node, where a file may have become anything; an archive's index is not. */
describe.each(["directories", "erofs"] as const)(
  "account files that cost memory or time to read, of %s",
  (layerStore) => {
    const bed = useTestBed({ images: ["busybox", "users"], layerStore });
    /** The file in the store's only layer that has it with `content`. */
    const inStore = (content: string): string => {
      const find = Bun.spawnSync(["grep", "-rlxF", "--include=passwd", "--include=group", content, bed.engine.root]);
      const [path, ...others] = find.stdout.toString().trim().split("\n");
      if (path === undefined || path === "" || others.length > 0) throw new Error(`found ${path} and ${others.join()}`);
      return path;
    };
    const node = (name: string, major: number, minor: number): BuiltLayer =>
      compressLayer(hostileTar([{ type: "3", name, mode: 0o666, deviceMajor: major, deviceMinor: minor }]));
    const link = (name: string, target: string): BuiltLayer => layerOf(new LayerBuilder().symlink(name, target));
    const grown = (name: string, bytes: number) => {
      const line = `v51-${name}-${bytes}:x:5:`;
      return {
        layer: layerOf(new LayerBuilder().file(`etc/${name}`, `${line}\n`)),
        prepare: () => truncateSync(inStore(line), bytes),
      };
    };
    const gibibyte = 1024 ** 3;
    const attacks: Readonly<Record<string, { readonly layer: BuiltLayer; readonly prepare?: () => void }>> = {
      ...(layerStore === "directories" && {
        "passwd, 5 GiB and sparse": grown("passwd", 5 * gibibyte),
        "group, 5 GiB and sparse": grown("group", 5 * gibibyte),
        "passwd, ending in a line of 2 GiB": grown("passwd", 2 * gibibyte),
      }),
      "passwd, the node of /dev/zero": { layer: node("etc/passwd", 1, 5) },
      "group, the node of /dev/zero": { layer: node("etc/group", 1, 5) },
      "passwd, the node of /dev/tty": { layer: node("etc/passwd", 5, 0) },
      "passwd, a fifo": { layer: layerOf(new LayerBuilder().fifo("etc/passwd")) },
      "group, a fifo": { layer: layerOf(new LayerBuilder().fifo("etc/group")) },
      "passwd, a link to the host's": { layer: link("etc/passwd", `${"../".repeat(12)}etc/shadow`) },
      "passwd, a link to a process's memory": { layer: link("etc/passwd", "/proc/self/mem") },
      "passwd, a directory": { layer: layerOf(new LayerBuilder().whiteout("etc/passwd").dir("etc/passwd")) },
    };
    for (const [what, { layer, prepare }] of Object.entries(attacks)) {
      crib(`V51: /etc/${what}, names nobody and costs nothing`, async () => {
        const image = await pullBusyboxWith(bed, `v51-${what.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase()}`, layer, {
          User: "nobody-here:nobody-here",
        });
        prepare?.();
        const pod = await bed.runPod();
        // The monitor for the next pod comes a moment after this one, with a connection.
        await waitUntil(() => hasSpareMonitor(bed.engine.state), { what: "the monitor that waits for the next pod" });
        // Its directory is marked before the daemon is connected to it.
        const seen: number[] = [];
        await waitUntil(
          () => seen.push(processUse(bed.engine.pid).descriptors) > 50 && new Set(seen.slice(-50)).size === 1,
          {
            what: "the daemon's descriptors are the same for half a second",
          },
        );
        const before = processUse(bed.engine.pid);
        const startMs = performance.now();
        const { code } = await outcomeOf(bed.create(pod, { imageReference: image, command: ["id"] }));
        expect(["InvalidArgument", "FailedPrecondition"]).toContain(code);
        const after = processUse(bed.engine.pid);
        expect(performance.now() - startMs).toBeLessThan(2000);
        expect(after.rssKib - before.rssKib).toBeLessThan(32 * 1024);
        await waitUntil(() => processUse(bed.engine.pid).descriptors <= before.descriptors, {
          what: "no more descriptors than before",
          boundMs: 3_000,
        });
      });
    }
  },
);
