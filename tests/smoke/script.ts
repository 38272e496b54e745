import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../harness/engine.ts";
import { expectNoResidue, type HostSnapshot, hostSnapshot } from "../harness/host-snapshot.ts";
import { waitUntil } from "../harness/wait-until.ts";
import type { SmokeDriver } from "./driver.ts";

export interface StepResult {
  readonly step: string;
  readonly tookMs: number;
  readonly error: string | undefined;
}

export interface Smoke {
  readonly driver: SmokeDriver;
  readonly engine: Engine;
  readonly reference: string;
  readonly imageId: string;
  /** The host before the daemon was started. */
  readonly before: HostSnapshot;
}

/** A pod's whole life, verb by verb; every answer is looked at, and the host must look afterwards as before. */
export async function runScript({ driver, engine, reference, imageId, before }: Smoke): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T | undefined> => {
    const start = performance.now();
    let error: string | undefined;
    try {
      return await work();
    } catch (thrown) {
      error = String(thrown instanceof Error ? thrown.message : thrown);
      return undefined;
    } finally {
      results.push({ step: name, tookMs: performance.now() - start, error });
    }
  };
  const says = (name: string, work: () => Promise<string>, ...parts: readonly string[]) =>
    step(name, async () => {
      const text = await work();
      for (const part of parts)
        if (!text.includes(part)) throw new Error(`says nothing of ${part}: ${text.slice(0, 400)}`);
      return text;
    });
  const files = writeConfigs(engine, reference);
  const hex = imageId.slice("sha256:".length);

  await says("version", () => driver.version(), "v1");
  await says("info", () => driver.info(), "RuntimeReady", "NetworkReady");
  await says("pull", () => driver.pull(reference), hex.slice(0, 12));
  await says("images", () => driver.images(), hex, reference.slice(0, reference.lastIndexOf(":")));
  await says("inspecti", () => driver.inspecti(reference), hex, reference);
  const running = hostSnapshot(engine);
  const events = engine.kind === "crib" ? driver.events() : undefined;
  // The subscription has no reply to wait for; its first event is what the runp step below makes.
  await Bun.sleep(300);
  const podId = (await step("runp", () => driver.runp(files.pod))) ?? "";
  const containerId = (await step("create", () => driver.create(podId, files.container, files.pod))) ?? "";
  await step("start", () => driver.start(containerId));
  await says("ps", () => driver.ps(), containerId);
  await says("pods", () => driver.pods(), podId, "smoke-pod");
  await says("exec -s", () => driver.execSync(containerId, ["hostname"]), "smoke-host");
  await step("logs", () =>
    waitUntil(async () => (await driver.logs(containerId)).includes("smoke says hello"), { what: "the log line" }),
  );
  await says("inspect", () => driver.inspect(containerId), containerId, "CONTAINER_RUNNING", "ociVersion");
  await says("inspectp", () => driver.inspectp(podId), podId, "SANDBOX_READY");
  await says("stats", () => driver.stats(containerId), containerId, "usageCoreNanoSeconds");
  await says("statsp", () => driver.statsp(podId), podId, "usageCoreNanoSeconds");
  await step("stop", () => driver.stop(containerId));
  await says("inspect (stopped)", () => driver.inspect(containerId), "CONTAINER_EXITED", "137");
  await step("rm", () => driver.rm(containerId));
  await step("stopp", () => driver.stopp(podId));
  await step("rmp", () => driver.rmp(podId));
  if (events !== undefined) {
    await step("events", async () => {
      const types = ["CREATED", "STARTED", "STOPPED", "DELETED"].map((type) => `CONTAINER_${type}_EVENT`);
      await waitUntil(() => types.every((type) => events.text().includes(type)), {
        what: `events ${types.join(", ")}`,
      });
    });
    await events.stop();
  }
  await step("rmi", () => driver.rmi(reference));
  await step("images (removed)", async () => {
    if ((await driver.images()).includes(hex)) throw new Error("the image is still listed");
  });
  await step("host as before", () => expectNoResidue(engine, running));
  await step("daemon stopped", async () => {
    await engine.stop();
    await expectNoResidue(engine, before);
  });
  return results;
}

/** The pod and container descriptions that crictl reads, in its own field names. */
function writeConfigs(engine: Engine, reference: string): { readonly pod: string; readonly container: string } {
  const logDirectory = join(engine.directory, "smoke-logs");
  mkdirSync(logDirectory, { recursive: true });
  const pod = join(engine.directory, "pod.json");
  const container = join(engine.directory, "container.json");
  writeFileSync(join(engine.directory, "crictl.yaml"), "");
  const linux = { security_context: { namespace_options: { pid: 1 } } };
  writeFileSync(
    pod,
    JSON.stringify({
      metadata: { name: "smoke-pod", namespace: "smoke", uid: "smoke-uid", attempt: 0 },
      hostname: "smoke-host",
      log_directory: logDirectory,
      linux: { cgroup_parent: engine.cgroupParent, ...linux },
    }),
  );
  writeFileSync(
    container,
    JSON.stringify({
      metadata: { name: "smoke-container", attempt: 0 },
      image: { image: reference },
      command: ["sh", "-c", "echo smoke says hello; exec pause"],
      log_path: "smoke.log",
      linux,
    }),
  );
  return { pod, container };
}
