import { afterEach, describe, expect } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { ended, theMonitor } from "../harness/monitor-process.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const test = onlyCrib("leaves a failed DEL to the kubelet");

const broken = (): string => join(bed.engine.directory, "del-fails");
const list = (): string => join(bed.engine.directory, "no-cni", "10-flaky.conflist");
const pin = (pod: TestPod): string => join(bed.engine.state, "netns", pod.id);

/** A network whose plugin gives an address and takes nothing back while `broken` is there. */
function useFlakyNetwork(): void {
  const plugins = join(bed.engine.directory, "cni-bin");
  mkdirSync(plugins, { recursive: true });
  const script = [
    "#!/bin/sh",
    "cat >/dev/null",
    `if [ "$CNI_COMMAND" = DEL ] && [ -e ${broken()} ]; then`,
    '  echo \'{"cniVersion":"0.4.0","code":11,"msg":"the address server does not answer"}\'; exit 1',
    "fi",
    'if [ "$CNI_COMMAND" = ADD ]; then',
    '  echo \'{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.99.0.2/24"}],"dns":{}}\'',
    "fi",
    "",
  ].join("\n");
  writeFileSync(join(plugins, "flaky"), script, { mode: 0o755 });
  writeFileSync(list(), JSON.stringify({ cniVersion: "0.4.0", name: "flaky", plugins: [{ type: "flaky" }] }));
}

afterEach(() => {
  rmSync(broken(), { force: true });
  rmSync(list(), { force: true });
});

async function trouble(pod: TestPod): Promise<string> {
  const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
  const { notGivenBack } = JSON.parse(info.info ?? "{}") as { readonly notGivenBack?: unknown };
  return notGivenBack === undefined ? "" : JSON.stringify(notGivenBack);
}

describe("a pod whose network is not taken back", () => {
  test("is not ready, holds no monitor, says what is left, and is finished by the daemon itself", async () => {
    useFlakyNetwork();
    const pod = await bed.runPod();
    await bed.runIdle(pod);
    const monitor = theMonitor(pod.id);
    writeFileSync(broken(), "");
    expect(await codeOf(pod.stop())).not.toBe("OK");
    expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    await ended(monitor);
    expect(await trouble(pod)).toContain("the address server does not answer");
    expect(existsSync(pin(pod))).toBe(true);
    expect(await codeOf(pod.remove())).not.toBe("OK");
    rmSync(broken());
    await waitUntil(async () => (await trouble(pod)) === "", { what: "the daemon has tried again" });
    expect(existsSync(pin(pod))).toBe(false);
    await pod.remove();
  });

  test("is finished by the next daemon, which does not have to start again for it", async () => {
    useFlakyNetwork();
    const pod = await bed.runPod();
    writeFileSync(broken(), "");
    expect(await codeOf(pod.stop())).not.toBe("OK");
    await bed.engine.kill9();
    await bed.engine.start();
    await waitUntil(async () => (await trouble(pod)).includes("does not answer"), { what: "it has tried, and failed" });
    rmSync(broken());
    await waitUntil(async () => (await trouble(pod)) === "", { what: "it has tried again" });
    expect(existsSync(pin(pod))).toBe(false);
    await pod.remove();
  });
});

describe("a stop that waits for its grace", () => {
  const deaf = { command: ["sh", "-c", "trap 'echo heard' TERM; echo set; while :; do sleep 0.05; done"] };

  test("does not begin anew with the next daemon, which sends no second signal", async () => {
    const container = await bed.run(await bed.runPod(), deaf);
    await container.waitLog("set");
    const startMs = performance.now();
    const stop = codeOf(container.stop(6));
    await container.waitLog("heard");
    await bed.engine.kill9();
    await stop;
    await bed.engine.start();
    await container.stop(60);
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect((await container.status()).exitCode).toBe(137);
    expect(container.text().match(/heard/g)).toHaveLength(1);
  });

  test("is finished by the next daemon, asked or not", async () => {
    const container = await bed.run(await bed.runPod(), deaf);
    await container.waitLog("set");
    const stop = codeOf(container.stop(3));
    await container.waitLog("heard");
    await bed.engine.kill9();
    await stop;
    await bed.engine.start();
    expect((await container.waitExit()).exitCode).toBe(137);
  });
});
