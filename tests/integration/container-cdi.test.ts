import { afterEach, describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const cdi = onlyCrib("has no CDI before 1.7");
/** tty0 is a device no container has by itself. */
const hostPath = "/dev/tty0";

afterEach(() => rmSync(join(bed.engine.directory, "cdi"), { recursive: true, force: true }));

/** Writes a file into the first (etc) or second (run) of the engine's CDI directories. */
function cdiFile(name: string, content: object | string, directory: "etc" | "run" = "etc"): string {
  const path = join(bed.engine.directory, "cdi", directory, name);
  mkdirSync(join(bed.engine.directory, "cdi", directory), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function vendorFile(containerEdits: object, more: object = {}): object {
  const devices = [{ name: "one", containerEdits }];
  return { cdiVersion: "0.7.0", kind: "vendor.example/thing", devices, ...more };
}

const ask = { CDIDevices: [{ name: "vendor.example/thing=one" }] } satisfies ContainerRequest;

/** A hook's program: it writes down what it was given and leaves a file in the container's root. */
function hookProgram(script: string): string {
  const path = join(bed.engine.directory, "hook.sh");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("CDI devices", () => {
  cdi("bring node, mount, environment and groups with them", async () => {
    const shared = join(bed.engine.directory, "library");
    mkdirSync(shared, { recursive: true });
    writeFileSync(join(shared, "hello"), "from the host");
    cdiFile(
      "vendor.json",
      vendorFile(
        {
          deviceNodes: [{ path: "/dev/thing", hostPath, permissions: "rw" }],
          mounts: [{ hostPath: shared, containerPath: "/opt/vendor", options: ["ro", "nosuid", "nodev", "bind"] }],
          env: ["THING=one"],
          additionalGids: [4711],
        },
        { containerEdits: { env: ["GENERAL=yes", "THING=general"] } },
      ),
    );
    const script =
      "echo $THING $GENERAL; stat -c '%F %t:%T' /dev/thing; cat /opt/vendor/hello; echo; id -G; " +
      "touch /opt/vendor/x 2>&1 | grep -o 'Read-only file system'; dd if=/dev/thing count=0 2>/dev/null && echo opened";
    const { rdev } = statSync(hostPath);
    const text = await bed.output(await bed.runPod(), script, ask);
    expect(text.split("\n")).toEqual([
      "one yes",
      `character special file ${(rdev >> 8).toString(16)}:${(rdev & 0xff).toString(16)}`,
      "from the host",
      expect.stringContaining(" 4711"),
      "Read-only file system",
      "opened",
    ]);
  });

  cdi("may be asked for by annotation, and in YAML", async () => {
    cdiFile(
      "vendor.yaml",
      `cdiVersion: "0.5.0"\nkind: vendor.example/thing\ndevices:\n- name: one\n  containerEdits:\n    env: [FROM=yaml]\n    deviceNodes:\n    - path: /dev/thing\n      hostPath: ${hostPath}\n      fileMode: 0640\n`,
    );
    const annotations = { "cdi.k8s.io/plugin_claim": "vendor.example/thing=one" };
    const script = "echo $FROM; stat -c %a /dev/thing";
    expect(await bed.output(await bed.runPod(), script, { annotations })).toBe("yaml\n640");
  });

  cdi("of a later directory win", async () => {
    cdiFile("a.json", vendorFile({ env: ["FROM=etc"] }));
    cdiFile("b.json", vendorFile({ env: ["FROM=run"] }), "run");
    expect(await bed.output(await bed.runPod(), "echo $FROM", ask)).toBe("run");
  });

  cdi("belong to the container's user", async () => {
    cdiFile("vendor.json", vendorFile({ deviceNodes: [{ path: "/dev/thing", hostPath }] }));
    const linux = { securityContext: { runAsUser: { value: 1000n } } };
    expect(await bed.output(await bed.runPod(), "stat -c %u /dev/thing", { ...ask, linux })).toBe("1000");
  });
});

describe("CDI requests that cannot be met", () => {
  const create = async (request: ContainerRequest = ask) =>
    outcomeOf(bed.create(await bed.runPod(), { command: ["true"], ...request }));

  cdi("name the device and where it was looked for", async () => {
    const { code, message } = await create();
    expect(code).toBe("InvalidArgument");
    expect(message).toContain("vendor.example/thing=one");
    expect(message).toContain(`${bed.engine.directory}/cdi/etc, ${bed.engine.directory}/cdi/run`);
  });

  cdi("tell of the file that could not be read", async () => {
    const path = cdiFile("vendor.json", "{");
    expect((await create()).message).toContain(`unusable: CDI file ${path}`);
  });

  cdi("tell of two files with one device", async () => {
    cdiFile("a.json", vendorFile({}));
    cdiFile("b.json", vendorFile({}));
    expect((await create()).message).toMatch(/in two files of one directory: .*a\.json, .*b\.json/);
  });

  cdi("tell of a node that is not there", async () => {
    cdiFile("vendor.json", vendorFile({ deviceNodes: [{ path: "/dev/no-such-thing" }] }));
    expect(await create()).toEqual({ code: "InvalidArgument", message: expect.stringContaining("/dev/no-such-thing") });
  });

  cdi("of hooks that crib does not run are refused by name", async () => {
    cdiFile("vendor.json", vendorFile({ hooks: [{ hookName: "poststop", path: "/bin/true" }] }));
    const outcome = await create();
    expect(outcome.code).toBe("FailedPrecondition");
    expect(outcome.message).toContain('poststop "/bin/true"');
  });

  for (const name of ["thing", "a/b/c=d", "../x/y=z", "vendor.example/thing=../one", "vendor.example/thing="]) {
    cdi(`${JSON.stringify(name)} is not a device's name`, async () => {
      expect((await create({ CDIDevices: [{ name }] })).code).toBe("InvalidArgument");
      expect((await create({ annotations: { "cdi.k8s.io/x": name } })).code).toBe("InvalidArgument");
    });
  }
});

describe("createContainer hooks", () => {
  const hookFile = (script: string, more: object = {}) => {
    const path = hookProgram(script);
    const hook = { hookName: "createContainer", path, args: ["hook.sh", "enable"], env: ["HOOK=own"], ...more };
    cdiFile("vendor.json", vendorFile({ hooks: [hook] }));
    return path;
  };

  cdi("V21: see the host's files and the container's root, and nothing of the image's environment", async () => {
    const seen = join(bed.engine.directory, "hook-saw");
    hookFile(
      `state=$(cat); { echo "$1"; pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; ls -l /proc/self/fd | wc -l; } > ${seen}
bundle=$(echo "$state" | sed 's/.*"bundle":"\\([^"]*\\)".*/\\1/')
test -f "$bundle/config.json" && echo "$state" > "$bundle/rootfs/etc/from-the-hook"`,
    );
    const envs = [
      { key: "LD_PRELOAD", value: Buffer.from("./x.so") },
      { key: "HOOK", value: Buffer.from("image") },
    ];
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod, { ...ask, envs });
    const state: unknown = JSON.parse((await container.exec(["cat", "/etc/from-the-hook"])).stdout);
    expect(state).toMatchObject({ id: container.id, status: "creating", ociVersion: "1.2.0" });
    const [argument, directory, environment, ...rest] = readFileSync(seen, "utf8").trim().split("\n");
    expect([argument, directory, environment]).toEqual(["enable", "/", "HOOK=own"]);
    // "total", 0, 1, 2 and the descriptor of ls itself.
    expect(rest.map(Number)).toEqual([5]);
    expect(existsSync("/etc/from-the-hook")).toBe(false);
  });

  cdi("that fail fail the start, with their last words", async () => {
    const path = hookFile("echo 'no such library' >&2; exit 3");
    const container = await bed.create(await bed.runPod(), { ...ask, command: ["true"] });
    const { code, message } = await outcomeOf(container.start());
    expect(code).toBe("Internal");
    expect(message).toContain(`hook exited with 3 "${path}: no such library `);
  });

  cdi("that are not there fail the start", async () => {
    rmSync(hookFile("true"));
    const container = await bed.create(await bed.runPod(), { ...ask, command: ["true"] });
    expect((await outcomeOf(container.start())).message).toContain("ENOENT");
  });

  cdi("V21: that take too long are killed, with what they started", async () => {
    const alive = join(bed.engine.directory, "hook-alive");
    const nap = `sleep 600.${process.pid}`;
    hookFile(`: > ${alive}; ${nap} & ${nap}`, { timeout: 1 });
    const container = await bed.create(await bed.runPod(), { ...ask, command: ["true"] });
    expect((await outcomeOf(container.start())).message).toContain("took too long");
    expect(existsSync(alive)).toBe(true);
    const left = () => Bun.spawnSync(["pgrep", "-f", nap]).stdout.toString();
    await waitUntil(() => left() === "", { what: "what the hook started is dead", boundMs: 5000 });
  });
});
