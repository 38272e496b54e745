import { NamespaceMode } from "../../src/gen/runtime/v1/api_pb.ts";
import type { EngineKind } from "../harness/engine.ts";
import type { PodConfigInit } from "../harness/pod-config.ts";
import type { ContainerRequest, TestBed } from "../harness/test-bed.ts";
import { LifecycleClient } from "./lifecycle-client.ts";

/** The three ways a pod is connected that are compared. */
export type Connection = "builtin" | "cni" | "host";

/** One engine in one way of connecting pods. containerd has no built-in network: there its CNI bridge competes. */
export interface Contender {
  readonly engine: EngineKind;
  readonly connection: Connection;
  readonly bed: TestBed;
  readonly pod: PodConfigInit;
  readonly container: ContainerRequest;
  /** Lives pods of this kind, and times them. */
  readonly client: LifecycleClient;
}

const HOST_NETWORK = { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } };

/** `program` is the compiled client of the kubelet's code. */
export function contender(bed: TestBed, connection: Connection, program: string): Contender {
  const container = { command: ["/bin/pause"] };
  const client = new LifecycleClient(program, bed.engine, connection, bed.registry.reference("busybox"));
  const common = { engine: bed.kind, connection, bed, client };
  return connection === "host"
    ? { ...common, pod: { hostname: "", linux: HOST_NETWORK }, container: { ...container, linux: HOST_NETWORK } }
    : { ...common, pod: {}, container };
}
