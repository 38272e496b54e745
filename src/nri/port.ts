import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { RuntimeSpec, SpecResources } from "../oci/runtime-spec.ts";

/** A pod as plugins are told of it. */
export interface PluginPod {
  readonly id: SandboxId;
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
  readonly cgroupParent: string;
  readonly cgroup: string;
  /** Of the monitor, which is in the pod's namespaces; 0 before it is there. */
  readonly pid: number;
  readonly ips: readonly string[];
  /** Absent on the host's network. */
  readonly netns?: string | undefined;
}

/** A container as plugins are told of it; most of it is its OCI spec. */
export interface PluginContainer {
  readonly id: ContainerId;
  readonly podId: SandboxId;
  readonly name: string;
  readonly state: "created" | "running" | "exited" | "removing" | "unknown";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: RuntimeSpec;
  readonly image: { readonly name: string; readonly repoDigest: string; readonly configDigest: string };
  readonly cdiDevices: readonly string[];
  readonly pid: number;
  /** 0: not yet. */
  readonly createdAtNs: UnixNanos;
  readonly startedAtNs: UnixNanos;
  readonly finishedAtNs: UnixNanos;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
}

/** A change of limits that a plugin asks for a container other than the request's. */
export interface PluginUpdate {
  readonly containerId: string;
  readonly plugin: string;
  readonly ignoreFailure: boolean;
  /** The limits of now → the limits asked for. */
  readonly apply: (resources: SpecResources) => SpecResources;
}

/** What plugins made of a container that is being created. */
export interface CreateOutcome {
  readonly spec: RuntimeSpec;
  readonly updates: readonly PluginUpdate[];
}

/** What plugins made of new limits for a container. */
export interface UpdateOutcome {
  readonly resources: SpecResources;
  readonly updates: readonly PluginUpdate[];
}

/** What happened or is about to happen to a pod: told to every plugin that subscribed. */
export type PodEvent = "run" | "stop" | "remove" | "post-update";
export type ContainerEvent = "post-create" | "start" | "post-start" | "post-update" | "remove";

/**
 * The plugins of the node resource interface (NRI 0.12), in the order of their indices.
 *
 * A call rejects when a plugin answers with an error, and when one that demands it (`fail_request`) does not answer. A plugin that
 * does not answer in time is dropped unless it asked to stay; it never holds a pod longer than the request's deadline.
 */
export interface Plugins {
  /** Whether any plugin is there: a caller that asks first spends nothing on a node without. */
  readonly any: boolean;
  /** Held while a pod or container comes into being: a plugin that registers meanwhile is told of it afterwards, once. */
  creating(): Promise<Disposable>;
  podEvent(event: PodEvent, pod: PluginPod): Promise<void>;
  updatePod(pod: PluginPod, overhead: SpecResources, resources: SpecResources): Promise<void>;
  containerEvent(event: ContainerEvent, pod: PluginPod, container: PluginContainer): Promise<void>;
  /** `injectCdi` puts devices of the Container Device Interface into a spec, by their qualified names. */
  createContainer(
    pod: PluginPod,
    container: PluginContainer,
    injectCdi: (spec: RuntimeSpec, devices: readonly string[]) => RuntimeSpec,
  ): Promise<CreateOutcome>;
  updateContainer(pod: PluginPod, container: PluginContainer, requested: SpecResources): Promise<UpdateOutcome>;
  stopContainer(pod: PluginPod, container: PluginContainer): Promise<readonly PluginUpdate[]>;
}

/** A node without plugins. */
export const noPlugins: Plugins = {
  any: false,
  creating: async () => ({ [Symbol.dispose]: () => undefined }),
  podEvent: async () => undefined,
  updatePod: async () => undefined,
  containerEvent: async () => undefined,
  createContainer: async (_pod, { spec }) => ({ spec, updates: [] }),
  updateContainer: async (_pod, _container, resources) => ({ resources, updates: [] }),
  stopContainer: async () => [],
};
