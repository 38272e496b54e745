import type { CriClient } from "./cri-client.ts";
import type { Registry } from "./registry.ts";

export type EngineKind = "crib" | "containerd";

/** How pods of an engine get their network: crib's built-in one, or CNI plugins run by the engine. */
export type EngineNetwork = "builtin" | "cni";

export type Snapshotter = "overlayfs" | "erofs";

export interface SmallDisk {
  readonly mebibytes: number;
  readonly inodes: number;
}

export interface EngineOptions {
  readonly registry: Registry;
  /** Default: builtin for crib, cni for containerd (which has nothing else). */
  readonly network?: EngineNetwork;
  /** The state directory is on a tmpfs, as on a node. */
  readonly stateInMemory?: boolean;
  /** Lines of crib's configuration in its table `runtime`. */
  readonly runtime?: readonly string[];
  /** The root directory is a file system of its own with so much room. */
  readonly rootDisk?: SmallDisk;
  /** crib answers cAdvisor on its socket, as containerd does on its own. */
  readonly seenByCadvisor?: boolean;
  /** How crib keeps layers. Default: as the machine allows, or `CRIB_TEST_LAYER_STORE`. */
  readonly layerStore?: "directories" | "erofs";
  /** Executable of crib. Default: dist/crib of this tree, or `CRIB_TEST_BINARY`. */
  readonly binary?: string;
  /** Directory of containerd, its shim and runc (tests/peers). Default: Debian's, on PATH. */
  readonly peers?: string;
  /** Of the containerd in `peers`, which then pulls as fast as it can be told to. Default: overlayfs, as it comes. */
  readonly snapshotter?: Snapshotter;
}

/**
 * A CRI daemon under test with directories, socket, bridge and cgroup of its own, so that several live side by side
 * and none touches an engine the machine runs already.
 */
export interface Engine {
  readonly kind: EngineKind;
  readonly network: EngineNetwork;
  readonly socket: string;
  readonly root: string;
  readonly state: string;
  /** Seccomp profiles, logs and other files a test hands to the engine go below this. */
  readonly directory: string;
  /** Parent of all pod cgroups, made before the engine starts, in every hierarchy: "/crib-test-…". */
  readonly cgroupParent: string;
  /** Name of the bridge pods are attached to. */
  readonly bridge: string;
  /** Directory trees that must look the same before and after a pod's life. */
  readonly residueDirectories: readonly string[];
  /** Process id of the daemon; throws while it is not running. */
  readonly pid: number;
  readonly running: boolean;
  /** Client of the daemon's present incarnation. */
  readonly cri: CriClient;
  /** Returns when the daemon answers and says its network is ready. */
  start(): Promise<void>;
  /** SIGTERM, and waits for the end. Pods keep running. */
  stop(): Promise<void>;
  /** SIGKILL, and waits for the end. Pods keep running. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** The last lines the daemon logged, for messages of failing tests. */
  logTail(lines?: number): string;
  /** Removes every pod and everything else this engine ever made, by force where asking does not help. */
  destroy(): Promise<void>;
}
