import { create } from "@bufbuild/protobuf";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import type { TestImageName } from "../fixtures/test-images.ts";
import type { CriClient } from "./cri-client.ts";
import type { Engine, EngineKind, EngineNetwork, SmallDisk, Snapshotter } from "./engine.ts";
import { expectNoResidue, type HostSnapshot, hostSnapshot } from "./host-snapshot.ts";
import { type ContainerConfigInit, containerConfig, type PodConfigInit, podConfig } from "./pod-config.ts";
import { type Registry, sharedRegistry } from "./registry.ts";
import { removeAllPods } from "./remove-all-pods.ts";
import { createEngine, selectedEngine } from "./select-engine.ts";
import { logPathOf, TestContainer, TestPod } from "./test-container.ts";

export interface TestBedOptions {
  readonly network?: EngineNetwork;
  readonly stateInMemory?: boolean;
  readonly rootDisk?: SmallDisk;
  /** crib answers cAdvisor on its socket. */
  readonly seenByCadvisor?: boolean;
  /** Images pulled before the first test. Default: busybox. */
  readonly images?: readonly TestImageName[];
  /** Lines of crib's configuration in its table `runtime`. */
  readonly runtime?: readonly string[];
  readonly layerStore?: "directories" | "erofs";
  /** Executable of crib. Default: the one under test. */
  readonly binary?: string;
  /** Directory of containerd, its shim and runc. Default: Debian's. */
  readonly peers?: string;
  /** Of the containerd in `peers`. */
  readonly snapshotter?: Snapshotter;
}

/** How a test names a container: the image from the catalogue, and what is special about it. */
export interface ContainerRequest extends Omit<ContainerConfigInit, "image"> {
  readonly image?: TestImageName;
  /** A reference outside the catalogue, instead of `image`. */
  readonly imageReference?: string;
}

/** One engine with the registry, and verbs that read like a test's story. */
export class TestBed {
  #engine: Engine | undefined;
  #registry: Registry | undefined;
  #hostBefore: HostSnapshot | undefined;

  constructor(readonly kind: EngineKind = selectedEngine()) {}

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the test bed is not open");
    return this.#engine;
  }

  get registry(): Registry {
    if (this.#registry === undefined) throw new Error("the test bed is not open");
    return this.#registry;
  }

  get cri(): CriClient {
    return this.engine.cri;
  }

  async open(options: TestBedOptions): Promise<void> {
    this.#registry = await sharedRegistry();
    this.#engine = createEngine(this.kind, {
      registry: this.#registry,
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
      ...(options.binary === undefined ? {} : { binary: options.binary }),
      ...(options.peers === undefined ? {} : { peers: options.peers }),
      ...(options.snapshotter === undefined ? {} : { snapshotter: options.snapshotter }),
      ...(options.rootDisk === undefined ? {} : { rootDisk: options.rootDisk }),
      ...(options.seenByCadvisor === undefined ? {} : { seenByCadvisor: options.seenByCadvisor }),
      ...(options.layerStore === undefined ? {} : { layerStore: options.layerStore }),
      ...(options.stateInMemory === undefined ? {} : { stateInMemory: options.stateInMemory }),
    });
    this.#hostBefore = hostSnapshot(this.engine);
    await this.engine.start();
    for (const name of options.images ?? ["busybox"]) await this.pull(name);
  }

  /** Also checks that a daemon without pods, asked to stop, leaves nothing at all. */
  async close(): Promise<void> {
    if (this.#engine === undefined) return;
    try {
      if (!this.#engine.running || this.#hostBefore === undefined) return;
      await removeAllPods(this.cri);
      await this.#engine.stop();
      await expectNoResidue(this.#engine, this.#hostBefore);
    } finally {
      await this.#engine.destroy();
    }
  }

  async pull(name: TestImageName): Promise<string> {
    const { imageRef } = await this.cri.images.pullImage({ image: { image: this.registry.reference(name) } });
    return imageRef;
  }

  async runPod(overrides: PodConfigInit = {}, runtimeHandler = ""): Promise<TestPod> {
    const config = podConfig(this.engine, overrides);
    const { podSandboxId } = await this.cri.runtime.runPodSandbox({
      config: create(PodSandboxConfigSchema, config),
      runtimeHandler,
    });
    return new TestPod(this.engine, podSandboxId, config);
  }

  async create(pod: TestPod, request: ContainerRequest = {}): Promise<TestContainer> {
    const { image = "busybox", imageReference, ...overrides } = request;
    const config = containerConfig(imageReference ?? this.registry.reference(image), overrides);
    const { containerId } = await this.cri.runtime.createContainer({
      podSandboxId: pod.id,
      config: create(ContainerConfigSchema, config),
      sandboxConfig: create(PodSandboxConfigSchema, pod.config),
    });
    return new TestContainer(pod, containerId, logPathOf(pod, config.logPath ?? ""));
  }

  /** Creates and starts. */
  async run(pod: TestPod, request: ContainerRequest = {}): Promise<TestContainer> {
    const container = await this.create(pod, request);
    await container.start();
    return container;
  }

  /** A container that stays until it is stopped, to exec into. It ends at once on SIGTERM. */
  async runIdle(pod: TestPod, request: ContainerRequest = {}): Promise<TestContainer> {
    return this.run(pod, { command: ["/bin/pause"], ...request });
  }

  /** Runs a shell script to its end. @returns what it wrote to stdout, trimmed. */
  async output(pod: TestPod, script: string, request: ContainerRequest = {}): Promise<string> {
    const container = await this.run(pod, { command: ["sh", "-c", `${script}\n echo __end__`], ...request });
    await container.waitExit();
    await container.waitLog("__end__");
    // A terminal ends its lines with CR LF, which some engines log as it is.
    return container.text().replaceAll("\r", "").replace("__end__\n", "").trim();
  }
}
