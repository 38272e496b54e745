import { describe, expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environmentWithJitOptions } from "../../src/main/jit-options.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { cribBinary } from "../harness/crib-engine.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** V03: a daemon that was started with 50 open descriptors which nobody marked as close-on-exec. */
const workspace = openWorkspace("descriptors");
const secret = join(workspace.path, "secret");
const bed = useTestBed({ binary: careless() });
const test = onlyCrib("not asked");
const count = 50;

/**
 * A program that starts crib as a careless service manager would. The compiler's options are set already: a daemon that has to begin
 * again for them loses the descriptors on the way, and would prove nothing.
 */
function careless(): string {
  buildStaticBinary("attack", workspace.path);
  writeFileSync(secret, "of the host");
  const script = join(workspace.path, "crib");
  const command = `umask 0; trap '' USR1 USR2 PIPE HUP; cd ${workspace.path}; export CARELESS=word; exec ${workspace.path}/attack leave-open 50 ${secret} ${cribBinary()} "$@"`;
  const options = Object.entries(environmentWithJitOptions({}) ?? {}).map(
    ([name, value]) => `export ${name}=${value}\n`,
  );
  writeFileSync(script, `#!/bin/sh\n${options.join("")}${command}\n`, { mode: 0o755 });
  return script;
}

function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed since it was listed.
      return "";
    }
  });
}

function secretsOf(pid: number): number {
  return descriptorsOf(pid).filter((target) => target === secret).length;
}

describe("V03: descriptors the daemon was started with", () => {
  test("V03: reach neither a monitor nor a container nor an exec", async () => {
    expect(secretsOf(bed.engine.pid)).toBe(count);
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const pid = await container.pid();
    const monitor = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    expect([secretsOf(monitor), readdirSync(`/proc/${pid}/fd`)]).toEqual([0, ["0", "1", "2"]]);
    // What a monitor has: sockets, pipes, event queues, pidfds, and files of its own pod.
    const allowed =
      /^(?:|\/dev\/null|(?:socket|pipe):\[\d+\]|anon_inode:\[?\w+\]?|pidfd:.*|\/memfd:.*|(?:net|user|pid|mnt|cgroup):\[\d+\])$/;
    const files = descriptorsOf(monitor).filter((target) => !allowed.test(target));
    // The host's root and a procfs of its own, for it has no mounts (decision 0093); stages and containers have neither.
    expect(files.filter((path) => !path.includes(pod.id) && path !== container.logPath)).toEqual(["/", "/"]);
    // Of ls itself the fourth is the directory it lists.
    expect(await container.sh("ls /proc/self/fd")).toBe("0\n1\n2\n3");
    const shown = await container.exec(["ls", "-l", "/proc/self/fd"]);
    expect(shown.stdout).not.toContain(secret);
  });

  test("V03: nor does anything else: ignored signals, umask, directory, environment, session", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const pid = await container.pid();
    const monitor = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    const daemon = readFileSync(`/proc/${bed.engine.pid}/environ`, "latin1");
    // Or there would be nothing to find.
    expect(daemon).toContain("CARELESS=word");
    const none = "0000000000000000";
    const inside = await container.sh("grep -E '^(SigBlk|SigIgn|Umask)' /proc/self/status; pwd; env");
    for (const text of [readFileSync(`/proc/${pid}/status`, "utf8"), inside]) {
      expect(text).toMatch(new RegExp(`^SigBlk:\\s+${none}$`, "m"));
      expect(text).toMatch(new RegExp(`^SigIgn:\\s+${none}$`, "m"));
      expect(text).toMatch(/^Umask:\s+0022$/m);
    }
    expect(inside).toMatch(/^\/$/m);
    expect(inside).not.toContain("CARELESS");
    expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain("CARELESS");
    expect(readFileSync(`/proc/${monitor}/environ`, "latin1")).toBe("");
    expect(readFileSync(`/proc/${monitor}/status`, "utf8")).toMatch(new RegExp(`^SigIgn:\\s+${none}$`, "m"));
    expect([readlinkSync(`/proc/${monitor}/cwd`), readlinkSync(`/proc/${pid}/cwd`)]).toEqual(["/", "/"]);
    // A session of its own, with no terminal of whoever started the daemon.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    expect([stat[3], stat[4]]).toEqual([String(pid), "0"]);
  });
});
