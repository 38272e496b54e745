import { expect } from "bun:test";
import { type CliResult, cli } from "../fixtures/cli-io.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Through the daemon and its command line; what a renewal keeps is in monitor-renewal.test.ts. */
const bed = useTestBed({ images: ["busybox"] });

function crib(...argv: string[]): Promise<CliResult> {
  return cli(argv, { address: `unix://${bed.engine.socket}` });
}

onlyCrib("has no monitors")(
  "crib upgrade --monitors renews the monitor of a running pod, whose container notices nothing",
  async () => {
    const pod = await bed.runPod();
    const container = await bed.run(pod, {
      command: ["sh", "-c", "i=0; trap 'echo end $i; exit 7' TERM; while :; do echo $i; i=$((i+1)); sleep 0.01; done"],
    });
    await waitUntil(() => container.log().length > 3, { what: "the first lines" });
    const before = container.log().length;

    const wide = await crib("pods", "--wide");
    expect(wide.out).toMatch(/MONITOR\n.* 0\.1\.0-[0-9a-f]{12}\n/s);
    const upgraded = await crib("upgrade", "--monitors", pod.id);
    expect(upgraded).toMatchObject({ exitCode: 0, err: "" });
    expect(upgraded.out).toMatch(/^[0-9a-f]+ runs 0\.1\.0-[0-9a-f]{12}\n$/);
    expect((await crib("upgrade", "--monitors")).out).toBe("every monitor runs the daemon's executable already\n");

    await waitUntil(() => container.log().length > before + 3, { what: "more lines" });
    const { stdout } = await bed.cri.runtime.execSync({ containerId: container.id, cmd: ["echo", "still here"] });
    expect(Buffer.from(stdout).toString()).toBe("still here\n");
    await bed.cri.runtime.stopContainer({ containerId: container.id, timeout: 10n });
    const { status } = await bed.cri.runtime.containerStatus({ containerId: container.id });
    expect(status?.exitCode).toBe(7);
    const lines = container.log().map(({ content }) => content);
    expect(lines.slice(0, -1)).toEqual(lines.slice(0, -1).map((_, index) => String(index)));
  },
);

onlyCrib("has no monitors")("crib upgrade says what it wants, and of which pod it knows nothing", async () => {
  expect(await crib("upgrade")).toMatchObject({ exitCode: 2 });
  expect((await crib("upgrade", "--monitors", "feedfeed")).err).toContain("feedfeed");
});
