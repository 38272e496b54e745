import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHostPath } from "../../src/ids/path.ts";
import { buildMonitorVariant } from "../fixtures/monitor-variant.ts";
import { type MonitorBed, openMonitorBed, type Pod, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** Pid namespaces that are entered: their first process, and whose processes /proc shows in them. */
const workspace = openWorkspace("variant");
const beds: readonly (readonly [string, MonitorBed])[] = [
  ["a kernel that makes a procfs for another pid namespace (6.17)", openMonitorBed()],
  ["an older kernel", openMonitorBed(buildMonitorVariant("CRIB_OLD_PROCFS", workspace.path))],
];

afterEach(async () => {
  for (const [, bed] of beds) await bed.shutdownAll();
});
afterAll(() => {
  for (const [, bed] of beds) bed.remove();
  workspace.remove();
});

function initOf(pod: Pod): string {
  const children = readFileSync(`/proc/${pod.monitor.pid}/task/${pod.monitor.pid}/children`, "utf8").trim().split(" ");
  expect(children).toHaveLength(1);
  return `/proc/${children[0]}`;
}

const processes = sh('for p in /proc/[0-9]*; do busybox echo "$(busybox basename $p) $(busybox cat $p/comm)"; done');

for (const [kernel, bed] of beds) {
  describe(`on ${kernel}`, () => {
    test("E1: the init of a shared pid namespace has nothing", async () => {
      const init = initOf(await bed.openPod({ pidInit: true }));
      expect(readdirSync(`${init}/root/`)).toEqual(kernel.startsWith("an older") ? ["proc"] : []);
      // One mount, the empty root: what it has no directory for cannot be below it.
      expect(readFileSync(`${init}/mountinfo`, "utf8").trim().split("\n")).toEqual([
        expect.stringMatching(/ \/ \/ ro,nosuid,nodev,noexec.* - tmpfs /),
      ]);
      // The last one it closes is the one it has said with that it is ready.
      await waitUntil(() => readdirSync(`${init}/fd`).length === 0, { what: "it has no descriptor" });
      const status = readFileSync(`${init}/status`, "utf8");
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(status).toContain(`${set}:\t0000000000000000`);
      }
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      const memory = readFileSync(`${init}/maps`, "utf8");
      expect(memory).not.toContain("[heap]");
      expect(memory).not.toContain("[stack]");
    });

    test("E2: what a hook leaves behind is not in the container's pid namespace", async () => {
      const path = join(workspace.path, "leaves-one");
      writeFileSync(path, "#!/bin/sh\nsetsid sleep 1000 >/dev/null 2>&1 </dev/null &\nexit 0\n", { mode: 0o755 });
      const env = ["PATH=/usr/bin:/bin"];
      const hook = { path: parseHostPath(path), argv: [path], env, state: new Uint8Array(), timeoutSeconds: 10 };
      const pod = await bed.openPod({ pidInit: true });
      for (const kind of ["own", "pod"] as const) {
        const container = await bed.start(pod, {
          argv: processes,
          mounts: [{ kind: "hook", ...hook }],
          pidNamespace: { kind },
        });
        await container.exit();
        expect(container.log()).toMatch(/ \d+ busybox\n/);
        expect(container.log()).not.toContain("sleep");
      }
    });

    test("a shared pid namespace is what /proc shows, to one after another", async () => {
      const pod = await bed.openPod({ pidInit: true });
      await bed.start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
      for (let count = 0; count < 2; count++) {
        const looking = await bed.start(pod, { argv: processes, pidNamespace: { kind: "pod" } });
        await looking.exit();
        expect(looking.log()).toMatch(/ 1 crib-init\n/);
        expect(looking.log()).toMatch(/ \d+ hello\n/);
      }
    });

    test("another container's pid namespace is what /proc shows", async () => {
      const pod = await bed.openPod();
      const target = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
      const pidNamespace = { kind: "process", pid: target.pid } as const;
      const looking = await bed.start(pod, { argv: processes, pidNamespace });
      expect((await looking.exit()).exitCode).toBe(0);
      expect(looking.log()).toMatch(/ 1 hello\n/);
    });
  });
}
