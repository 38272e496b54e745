import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as frames from "../fixtures/frames.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { FrameTap } from "../harness/frame-tap.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { ownUsers } from "../harness/user-namespace.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** The whole way: a container with the capabilities that RuntimeDefault grants, in a pod that RunPodSandbox made. */
const bed = useTestBed();
const directory = mkdtempSync(join(tmpdir(), "crib-frames-"));
beforeAll(() => {
  buildStaticBinary("raw-frame", directory);
  // For the root of a user namespace, who is nobody here.
  chmodSync(directory, 0o755);
});
afterAll(() => rmSync(directory, { recursive: true }));

const broadcast = "ff:ff:ff:ff:ff:ff";

/** As crib makes it of the address (`pod-link.ts`). */
const macOf = (ip: string): string =>
  ["0a", "58", ...ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");

const kinds = [
  ["", undefined],
  [" of a pod with users of its own", ownUsers()],
] as const;

async function sendsItsOwn(namespaceOptions: ReturnType<typeof ownUsers> | undefined): Promise<void> {
  const own = namespaceOptions === undefined ? {} : { linux: { securityContext: { namespaceOptions } } };
  const pod = await bed.runPod(own);
  const [ip, neighbour] = [await pod.ip(), await (await bed.runPod()).ip()];
  const container = await bed.runIdle(pod, {
    ...own,
    mounts: [{ containerPath: "/raw", hostPath: directory, readonly: true }],
  });
  const ends = { fromMac: macOf(ip), toMac: broadcast };
  await using tap = await FrameTap.open(join(directory, "raw-frame"), undefined, bed.engine.bridge);
  for (const port of [9001, 9002]) {
    const forged = [
      frames.udp4(ends, neighbour, "255.255.255.255", port),
      frames.udp4({ ...ends, fromMac: macOf(neighbour) }, ip, "255.255.255.255", port),
      frames.arp(ends, { mac: ends.fromMac, ip: neighbour }, neighbour),
    ];
    const last = frames.udp4(ends, ip, "255.255.255.255", port);
    expect((await container.exec(["/raw/raw-frame", "eth0", ...forged, last])).exitCode).toBe(0);
    await waitUntil(() => tap.has(last), { what: "the container's own datagram" });
    expect(forged.filter((frame) => tap.has(frame))).toEqual([]);
    await bed.engine.restart();
  }
}

for (const [whose, namespaceOptions] of kinds) {
  onlyCrib("its bridge plugin holds pods to nothing")(
    `a container${whose} sends from its own address, from no neighbour's, before and after a restart`,
    () => sendsItsOwn(namespaceOptions),
  );
}
