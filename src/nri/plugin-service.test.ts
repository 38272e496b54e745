import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { create } from "@bufbuild/protobuf";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { connectPlugin, type Script, type ScriptedPlugin } from "../../tests/fixtures/scripted-plugin.ts";
import { CribError } from "../errors/crib-error.ts";
import { ContainerUpdateSchema, Plugin, Runtime } from "../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { HostPath } from "../ids/path.ts";
import type { UnixNanos } from "../ids/units.ts";
import { createSystemClock } from "../observe/system-clock.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { handler } from "../ttrpc/ttrpc-server.ts";
import { PluginRegistry } from "./plugin-registry.ts";
import { PluginService } from "./plugin-service.ts";
import type { PluginContainer, PluginPod, PluginUpdate } from "./port.ts";

const never = new Promise<never>(() => undefined);
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const pod: PluginPod = {
  id: "pod1" as SandboxId,
  name: "web",
  uid: "uid",
  namespace: "default",
  labels: { app: "web" },
  annotations: {},
  runtimeHandler: "",
  cgroupParent: "/crib",
  cgroup: "/crib/pod1",
  pid: 42,
  ips: ["10.0.0.2"],
};

const spec: RuntimeSpec = {
  ociVersion: "1.2.0",
  process: {
    terminal: false,
    user: { uid: 0, gid: 0, additionalGids: [] },
    args: ["/bin/app"],
    env: ["PATH=/bin", "KEEP=1"],
    cwd: "/",
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }],
    noNewPrivileges: false,
  },
  root: { path: "rootfs", readonly: false },
  mounts: [{ destination: "/data", type: "bind", source: "/src", options: ["rbind"] }],
  annotations: {},
  linux: {
    namespaces: [{ type: "pid" }],
    devices: [],
    cgroupsPath: "/crib/pod1/c1",
    resources: { devices: [], cpu: { shares: 2 } },
    maskedPaths: [],
    readonlyPaths: [],
  },
};

const container: PluginContainer = {
  id: "c1" as ContainerId,
  podId: pod.id,
  name: "app",
  state: "created",
  labels: {},
  annotations: {},
  spec,
  image: { name: "app:1", repoDigest: "app@sha256:0", configDigest: "sha256:1" },
  cdiDevices: [],
  pid: 0,
  createdAtNs: 1n as UnixNanos,
  startedAtNs: 0n as UnixNanos,
  finishedAtNs: 0n as UnixNanos,
  exitCode: 0,
  reason: "",
  message: "",
};

/** A service on a socket of its own; deadlines are short where a test waits for them. */
class Bed {
  readonly directory = mkdtempSync(`${tmpdir()}/nri-`);
  readonly clock = createSystemClock();
  readonly registry = new PluginRegistry(quiet);
  readonly updates: PluginUpdate[] = [];
  failing: readonly string[] = [];
  readonly #stack = new DisposableStack();
  readonly service: PluginService;

  constructor(requestMs = 5_000) {
    this.service = new PluginService(
      this.registry,
      {
        pods: () => [pod],
        containers: () => [container],
        applyUpdates: async (updates) => {
          this.updates.push(...updates);
          return this.failing;
        },
      },
      {
        limits: { registrationMs: 5_000, requestMs },
        configDir: this.directory as HostPath,
        runtimeVersion: "1",
        clock: this.clock,
        log: quiet,
      },
    );
    this.#stack.use(this.service);
  }

  get path(): string {
    return `${this.directory}/nri.sock`;
  }

  async open(): Promise<void> {
    await this.service.listen({ path: this.path });
  }

  /** Connects one and waits until it is asked. */
  async plugin(script: Script = {}): Promise<ScriptedPlugin> {
    const before = this.registry.names.length;
    const plugin = this.#stack.use(await connectPlugin(this.path, this.clock, script));
    await this.until(() => this.registry.names.length > before);
    return plugin;
  }

  async until(holds: () => boolean): Promise<void> {
    const deadlineMs = this.clock.monotonicMs() + 10_000;
    while (!holds()) {
      if (this.clock.monotonicMs() > deadlineMs) throw new Error("it did not become true within 10 s");
      await this.clock.sleep(2);
    }
  }

  create() {
    return this.registry.createContainer(pod, container, (edited) => edited);
  }

  close(): void {
    this.#stack.dispose();
    rmSync(this.directory, { recursive: true });
  }
}

type Created = Exclude<ReturnType<NonNullable<Script["create"]>>, Promise<never>>;

let bed: Bed;
beforeEach(async () => {
  bed = new Bed();
  await bed.open();
});
afterEach(() => bed.close());

async function replaceBed(requestMs: number): Promise<void> {
  bed.close();
  bed = new Bed(requestMs);
  await bed.open();
}

describe("registration", () => {
  test("a plugin is told of the node's pods and containers, and then of what happens", async () => {
    const plugin = await bed.plugin();
    await bed.registry.podEvent("run", pod);
    await bed.registry.containerEvent("start", pod, container);
    await bed.registry.containerEvent("remove", pod, container);
    expect(plugin.told).toEqual(["synchronize:1+1", "run:pod1", "start:c1", "remove:c1"]);
  });

  test("plugins are asked in the order of their indices, whichever came first", async () => {
    await bed.plugin({ index: "20", name: "late" });
    await bed.plugin({ index: "05", name: "early" });
    expect(bed.registry.names).toEqual(["05-early", "20-late"]);
  });

  test("its configuration file reaches it, the one with its index before the one without", async () => {
    writeFileSync(`${bed.directory}/scripted.conf`, "plain");
    writeFileSync(`${bed.directory}/10-scripted.conf`, "indexed");
    let config = "";
    const configure = handler(Plugin.method.configure, async (request) => {
      config = request.config;
      return {};
    });
    await bed.plugin({ handlers: [configure] });
    expect(config).toBe("indexed");
  });

  test.each([
    ["a name with a slash", { name: "../x" }],
    ["an index of one digit", { index: "1" }],
    ["an index that is none", { index: "ab" }],
  ])("%s is refused and told", async (_what, script) => {
    await expect(connectPlugin(bed.path, bed.clock, script)).rejects.toThrow(/is not/);
    expect(bed.registry.any).toBe(false);
  });

  test("events that are not known end the registration", async () => {
    const plugin = await connectPlugin(bed.path, bed.clock, { configured: { events: 1 << 20 } });
    await plugin.gone;
    expect(bed.registry.any).toBe(false);
  });

  test("a plugin that connects and says nothing is let go at its deadline", async () => {
    const clock = createFakeClock();
    using service = new PluginService(
      new PluginRegistry(quiet),
      { pods: () => [], containers: () => [], applyUpdates: async () => [] },
      {
        limits: { registrationMs: 5_000, requestMs: 2_000 },
        configDir: bed.directory as HostPath,
        runtimeVersion: "1",
        clock,
        log: quiet,
      },
    );
    const path = `${bed.directory}/deaf.sock`;
    await service.listen({ path });
    const { connect } = await import("node:net");
    const socket = connect(path);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await bed.until(() => clock.sleepers > 0);
    await clock.advance(5_000);
    await closed;
    expect(clock.sleepers).toBe(0);
  });

  test("a service that listens elsewhere keeps who is connected; one that stops lets them go", async () => {
    const first = await bed.plugin();
    const elsewhere = `${bed.directory}/other.sock`;
    await bed.service.listen({ path: elsewhere });
    using second = await connectPlugin(elsewhere, bed.clock);
    await bed.until(() => bed.registry.names.length === 2);
    await bed.registry.podEvent("stop", pod);
    for (const plugin of [first, second]) expect(plugin.told).toContain("stop:pod1");
    bed.service.stop();
    await Promise.all([first.gone, second.gone]);
    await bed.until(() => !bed.registry.any);
    await bed.service.listen({ path: bed.path });
    await bed.plugin();
  });

  test("noise on the socket costs the connection and nothing else", async () => {
    const { connect } = await import("node:net");
    const socket = connect(bed.path, () => socket.write(Buffer.alloc(64, 0xff)));
    await new Promise((resolve) => socket.once("close", resolve));
    const plugin = await bed.plugin();
    await bed.registry.podEvent("stop", pod);
    expect(plugin.told).toContain("stop:pod1");
  });

  test("only the events it subscribes to reach it", async () => {
    const stopPodBit = 1 << 1;
    const plugin = await bed.plugin({ configured: { events: stopPodBit } });
    await bed.registry.podEvent("run", pod);
    await bed.registry.podEvent("stop", pod);
    expect(plugin.told).toEqual(["synchronize:1+1", "stop:pod1"]);
  });

  test("a plugin of before 0.12 is told by StateChange", async () => {
    const plugin = await bed.plugin({ older: true });
    await bed.registry.podEvent("run", pod);
    await bed.registry.containerEvent("post-start", pod, container);
    expect(plugin.told).toEqual(["synchronize:1+1", "state 1:pod1", "state 7:c1"]);
  });

  test("nothing is made while a plugin is told of what there is", async () => {
    const held = await bed.registry.creating();
    const connecting = bed.plugin();
    await bed.clock.sleep(20);
    expect(bed.registry.any).toBe(false);
    held[Symbol.dispose]();
    await connecting;
    (await bed.registry.creating())[Symbol.dispose]();
  });
});

test("a plugin may take longer for all of the node than for an event, and misses nothing made meanwhile", async () => {
  await replaceBed(50);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = handler(Plugin.method.synchronize, async () => {
    await released;
    return {};
  });
  const connecting = bed.plugin({ handlers: [slow] });
  await bed.clock.sleep(150);
  const making = bed.registry.creating();
  release();
  const plugin = await connecting;
  using _made = await making;
  await bed.create();
  expect(plugin.told).toEqual(["create:c1"]);
});

describe("adjustments", () => {
  test("what plugins want is in the spec, and each sees what those before it made of it", async () => {
    let seen: readonly string[] = [];
    await bed.plugin({
      index: "01",
      create: () => ({
        adjust: {
          env: [{ key: "ADDED", value: "x" }, { key: "-KEEP" }],
          mounts: [{ destination: "/data/sub", type: "bind", source: "/s", options: ["rbind", "ro"] }],
          annotations: { note: "1" },
          rlimits: [{ type: "nofile", soft: 10n, hard: 20n }],
          linux: {
            devices: [{ path: "/dev/thing", type: "c", major: 10n, minor: 7n }],
            resources: { cpu: { shares: { value: 512n } }, unified: { "memory.high": "1000" } },
            oomScoreAdj: { value: 5n },
          },
        },
      }),
    });
    await bed.plugin({
      index: "02",
      create: ({ container: shown }) => {
        seen = shown?.env ?? [];
        return {};
      },
    });
    const { spec: edited } = await bed.create();
    expect(seen).toEqual(["PATH=/bin", "ADDED=x"]);
    expect(edited.process.env).toEqual(["PATH=/bin", "ADDED=x"]);
    expect(edited.mounts.map(({ destination }) => destination)).toEqual(["/data", "/data/sub"]);
    expect(edited.annotations).toEqual({ note: "1" });
    expect(edited.process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }]);
    expect(edited.process.oomScoreAdj).toBe(5);
    expect(edited.linux.devices).toEqual([
      { path: "/dev/thing", type: "c", major: 10, minor: 7, fileMode: 0o666, uid: 0, gid: 0 },
    ]);
    expect(edited.linux.resources).toEqual({
      devices: [{ allow: true, type: "c", major: 10, minor: 7, access: "rwm" }],
      cpu: { shares: 512 },
      unified: { "memory.high": "1000" },
    });
  });

  const conflicts: readonly [string, Created, string][] = [
    ["env", { adjust: { env: [{ key: "A", value: "1" }] } }, 'env "A"'],
    ["mount", { adjust: { mounts: [{ destination: "/m" }] } }, 'mount "/m"'],
    ["annotation", { adjust: { annotations: { a: "1" } } }, 'annotation "a"'],
    ["device", { adjust: { linux: { devices: [{ path: "/dev/x", type: "c" }] } } }, 'device "/dev/x"'],
    ["args", { adjust: { args: ["/x"] } }, "args"],
    ["rlimit", { adjust: { rlimits: [{ type: "core" }] } }, 'rlimit "RLIMIT_CORE"'],
    ["memory", { adjust: { linux: { resources: { memory: { limit: { value: 1n } } } } } }, "memory limit"],
    ["CDI device", { adjust: { CDIDevices: [{ name: "v/c=d" }] } }, 'CDI device "v/c=d"'],
  ];
  test.each(conflicts)("two plugins that want the same %s are an error that names both", async (_what, wish, named) => {
    const create = () => wish;
    await bed.plugin({ index: "01", name: "a", create });
    await bed.plugin({ index: "02", name: "b", create });
    await expect(bed.create()).rejects.toThrow(`plugins "01-a" and "02-b" both tried to set ${named}`);
  });

  test("a plugin that removes what another has set may set it anew", async () => {
    await bed.plugin({ index: "01", create: () => ({ adjust: { env: [{ key: "A", value: "1" }] } }) });
    await bed.plugin({
      index: "02",
      create: () => ({ adjust: { env: [{ key: "-A" }, { key: "A", value: "2" }] } }),
    });
    expect((await bed.create()).spec.process.env).toContain("A=2");
  });

  test.each([
    ["poststop hooks", { hooks: { poststop: [{ path: "/h" }] } }],
    ["a cgroups path", { linux: { cgroupsPath: "/elsewhere" } }],
    ["namespaces", { linux: { namespaces: [{ type: "network", path: "/n" }] } }],
    ["a memory policy", { linux: { memoryPolicy: {} } }],
    ["memory.swappiness", { linux: { resources: { memory: { swappiness: { value: 1n } } } } }],
  ])("%s, which crib does not set, is refused and not dropped", async (what, adjust) => {
    await bed.plugin({ create: () => ({ adjust }) });
    await expect(bed.create()).rejects.toThrow(what);
  });

  test("a plugin may not update the container that is being created", async () => {
    await bed.plugin({ create: () => ({ update: [{ containerId: "c1" }] }) });
    await expect(bed.create()).rejects.toThrow("while it is being created");
  });

  test("a validator sees who set what, and its refusal is the request's", async () => {
    const validators: unknown[] = [];
    await bed.plugin({ index: "01", name: "setter", create: () => ({ adjust: { env: [{ key: "A", value: "1" }] } }) });
    await bed.plugin({
      index: "90",
      name: "judge",
      configured: { events: 1 << 13 },
      handlers: [
        handler(Plugin.method.validateContainerAdjustment, async (request) => {
          validators.push(request.owners?.owners["c1"]?.compound[6]?.owners, request.adjust?.env[0]?.value);
          return { reject: true, reason: "no" };
        }),
      ],
    });
    await expect(bed.create()).rejects.toThrow("90-judge rejected the adjustment of container c1: no");
    expect(validators).toEqual([{ A: "01-setter" }, "1"]);
  });
});

describe("plugins that fail", () => {
  test("an answer that is an error fails the request and names the plugin", async () => {
    const refusing = handler(Plugin.method.runPodSandbox, async () => {
      throw new CribError("failed-precondition", "not today");
    });
    await bed.plugin({ handlers: [refusing] });
    await expect(bed.registry.podEvent("run", pod)).rejects.toThrow("plugin 10-scripted: RunPodSandbox: not today");
    expect(bed.registry.any).toBe(true);
  });

  test.each([
    ["is dropped, and the request goes on", { failRequest: false, keepConnected: false }, undefined, 0],
    ["stays where it asked to", { failRequest: false, keepConnected: true }, undefined, 1],
    ["fails the request where it asked to", { failRequest: true, keepConnected: true }, "failed to handle", 1],
  ])("one that does not answer %s", async (_what, failurePolicy, message, left) => {
    await replaceBed(50);
    await bed.plugin({ configured: { failurePolicy }, create: () => never });
    const creating = bed.create();
    if (message === undefined) expect((await creating).spec).toEqual(spec);
    else await expect(creating).rejects.toThrow(message);
    await bed.until(() => bed.registry.names.length === left);
  });

  test("one that goes in the middle of a request does not hold it", async () => {
    const plugin: ScriptedPlugin = await bed.plugin({
      create: () => {
        plugin[Symbol.dispose]();
        return never;
      },
    });
    expect((await bed.create()).spec).toEqual(spec);
    await bed.until(() => !bed.registry.any);
  });

  test("a slow plugin holds only the requests that reach it", async () => {
    const stopPodBit = 1 << 1;
    const slow = handler(Plugin.method.stopPodSandbox, () => never);
    await bed.plugin({ configured: { events: stopPodBit }, handlers: [slow] });
    const stuck = bed.registry.podEvent("stop", pod);
    await bed.registry.podEvent("run", pod);
    bed.registry[Symbol.dispose]();
    await stuck;
  });
});

describe("changes a plugin asks for of its own accord", () => {
  test("are tried, and those that fail come back", async () => {
    const plugin = await bed.plugin();
    bed.failing = ["c2"];
    const update = ["c1", "c2"].map((containerId) =>
      create(ContainerUpdateSchema, {
        containerId,
        linux: { resources: { cpu: { quota: { value: 1000n } } } },
      }),
    );
    const { failed } = await plugin.runtime.call(Runtime.method.updateContainers, { update }, 5_000);
    expect(failed.map(({ containerId }) => containerId)).toEqual(["c2"]);
    expect(bed.updates.map(({ apply }) => apply({ devices: [] }).cpu)).toEqual([{ quota: 1000 }, { quota: 1000 }]);
  });

  test("an unknown method is answered, not dropped", async () => {
    const plugin = await bed.plugin();
    await expect(plugin.runtime.call(Plugin.method.configure, {}, 5_000)).rejects.toThrow("not implemented");
  });
});
