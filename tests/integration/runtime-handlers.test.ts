import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { say } from "../harness/say.ts";
import type { TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const runc = "/usr/sbin/runc";
const directory = mkdtempSync(join(tmpdir(), "crib-handlers-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** A runtime that is runc, but for one verb. */
function script(name: string, verb: string, instead: string): string {
  const path = join(directory, name);
  writeFileSync(
    path,
    `#!/bin/bash\nfor word in "$@"; do [ "$word" = ${verb} ] && { ${instead}; }; done\nexec ${runc} "$@"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

const handlers = {
  runc,
  hangs: script("hangs", "create", `exec -a "$*" sleep 1000`),
  "hangs-late": script("hangs-late", "start", `exec -a "$*" sleep 1000`),
  crashes: script("crashes", "create", "kill -9 $$"),
  mute: script("mute", "create", "exit 3"),
  missing: join(directory, "no-such-runtime"),
};

const bed = useTestBed({
  runtime: Object.entries(handlers).flatMap(([name, path]) => [
    `[runtime.handlers.${name}]`,
    'type = "oci"',
    `path = "${path}"`,
  ]),
});

if (!existsSync(runc)) say(`no handler of type oci is tried: ${runc} is not installed`);

/** Processes of the runtime's programs that are still there. */
function programsOf(pod: TestPod): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8");
      return words.includes(pod.id) && words.includes("--log-format");
    } catch {
      return false;
    }
  });
}

describe.skipIf(!existsSync(runc))("a pod of the handler runc", () => {
  test("runs, logs, exits and is removed as any other", async () => {
    const pod = await bed.runPod({}, "runc");
    const container = await bed.run(pod, { command: ["sh", "-c", "echo out; echo err >&2; exit 7"] });
    expect(await container.waitExit()).toMatchObject({ exitCode: 7 });
    await container.waitLog("err");
    expect(container.text()).toContain("out");
    await container.remove();
    await pod.stop();
    await pod.remove();
  });

  test("runs commands in its namespaces, with its user's rights and its control group", async () => {
    const pod = await bed.runPod({ hostname: "inside" }, "runc");
    const container = await bed.runIdle(pod);
    expect(await container.sh("echo $(hostname) $(cat /proc/1/comm)")).toBe("inside pause");
    expect((await container.exec(["sh", "-c", "echo out; exit 3"])).exitCode).toBe(3);
    const own = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8");
    expect(own).toContain(container.id);
    expect(await codeOf(container.exec(["/no/such/command"]))).toBe("FailedPrecondition");
    await container.stop();
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
  });

  test("has the terminal it asks for", async () => {
    const pod = await bed.runPod({}, "runc");
    const container = await bed.run(pod, { tty: true, stdin: true, command: ["sh", "-c", "test -t 0 && tty; exit 4"] });
    expect(await container.waitExit()).toMatchObject({ exitCode: 4 });
    await container.waitLog("/dev/");
  });

  test("is counted by its control group", async () => {
    const container = await bed.runIdle(await bed.runPod({}, "runc"));
    const { stats } = await bed.cri.runtime.containerStats({ containerId: container.id });
    expect(stats?.memory?.usageBytes?.value ?? 0n).toBeGreaterThan(0n);
  });

  test("commands that end at once are never lost (their exit was reaped before anybody knew them)", async () => {
    const container = await bed.runIdle(await bed.runPod({}, "runc"));
    for (let code = 0; code < 10; code++) {
      expect((await container.exec(["sh", "-c", `exit ${code}`])).exitCode).toBe(code);
    }
  });

  test("a command that takes too long is killed", async () => {
    const container = await bed.runIdle(await bed.runPod({}, "runc"));
    const work = bed.cri.runtime.execSync({ containerId: container.id, cmd: ["sleep", "1000"], timeout: 1n });
    expect(await codeOf(work)).toBe("DeadlineExceeded");
    expect(await container.sh("echo alive")).toBe("alive");
  });

  test("a program that is not there is told in the runtime's words", async () => {
    const container = await bed.create(await bed.runPod({}, "runc"), { command: ["/no/such/program"] });
    expect((await outcomeOf(container.start())).message).toMatch(/runc: .*\/no\/such\/program.*no such file/);
    expect(await container.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, reason: "StartError" });
  });

  test("outlives a daemon that is killed", async () => {
    const pod = await bed.runPod({}, "runc");
    const running = await bed.runIdle(pod);
    const ending = await bed.run(pod, { command: ["sh", "-c", "sleep 1; echo later; exit 5"] });
    const pid = await running.pid();
    await bed.engine.kill9();
    await bed.engine.start();
    expect(await running.pid()).toBe(pid);
    expect(await running.sh("echo exec works")).toBe("exec works");
    expect(await ending.waitExit()).toMatchObject({ exitCode: 5 });
    await ending.waitLog("later");
    const fresh = await bed.run(pod, { command: ["sh", "-c", "exit 9"] });
    expect(await fresh.waitExit()).toMatchObject({ exitCode: 9 });
  });

  test("leaves no mount on the host", async () => {
    const container = await bed.runIdle(await bed.runPod({}, "runc"));
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(container.id);
  });

  test("cannot have a user namespace yet, and says so", async () => {
    const mapping = [{ hostId: 200_000, containerId: 0, length: 65_536 }];
    const usernsOptions = { mode: 0, uids: mapping, gids: mapping };
    const linux = { securityContext: { namespaceOptions: { usernsOptions } } };
    expect(await codeOf(bed.runPod({ linux }, "runc"))).toBe("FailedPrecondition");
  });
});

describe.skipIf(!existsSync(runc))("a runtime that", () => {
  test.each(["hangs", "hangs-late"])("%s is ended by a stop, and leaves nothing", async (handler) => {
    const pod = await bed.runPod({}, handler);
    const container = await bed.create(pod, { command: ["sleep", "1000"] });
    const start = codeOf(container.start());
    await waitUntil(() => programsOf(pod).length > 0, { what: "the runtime" });
    await pod.stop();
    expect(await start).not.toBe("ok");
    await waitUntil(() => programsOf(pod).length === 0, { what: "the end of the runtime" });
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
    await pod.remove();
  });

  test("hangs is ended by a removal of the container, and the pod goes on", async () => {
    const pod = await bed.runPod({}, "hangs");
    const container = await bed.create(pod, { command: ["sleep", "1000"] });
    const start = codeOf(container.start());
    await waitUntil(() => programsOf(pod).length > 0, { what: "the runtime" });
    await container.remove();
    expect(await start).not.toBe("ok");
    await waitUntil(() => programsOf(pod).length === 0, { what: "the end of the runtime" });
  });

  test.each([
    ["crashes", /ended by signal 9/],
    ["mute", /exited with 3/],
    ["missing", /ENOENT/],
  ])("%s is told, and the container can be removed", async (handler, words) => {
    const container = await bed.create(await bed.runPod({}, handler), { command: ["true"] });
    expect((await outcomeOf(container.start())).message).toMatch(words);
    await container.remove();
  });
});

test("a handler that is not there is refused, naming those there are", async () => {
  expect((await outcomeOf(bed.runPod({}, "kata"))).message).toMatch(
    /"kata" is not configured; there are "crib", "runc"/,
  );
});

test("Status tells what each handler can do, as it was found out", async () => {
  const { runtimeHandlers } = await bed.cri.runtime.status({});
  const named = new Map(runtimeHandlers.map(({ name, features }) => [name, features]));
  expect([...named.keys()]).toEqual(["", "crib", ...Object.keys(handlers)]);
  expect(named.get("missing")).toMatchObject({ recursiveReadOnlyMounts: false, userNamespaces: false });
});
