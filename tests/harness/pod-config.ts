import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContainerConfigSchema,
  NamespaceMode,
  type PodSandboxConfigSchema,
} from "../../src/gen/runtime/v1/api_pb.ts";
import type { Engine } from "./engine.ts";

export type PodConfigInit = Exclude<MessageInitShape<typeof PodSandboxConfigSchema>, { $typeName: string }>;
export type ContainerConfigInit = Exclude<MessageInitShape<typeof ContainerConfigSchema>, { $typeName: string }>;

let count = 0;

/** A number no other pod or container of this process has. */
export function uniqueNumber(): number {
  return ++count;
}

/** What a kubelet says about namespaces when the pod's author says nothing. */
const KUBELET_DEFAULTS = { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } };

/** A pod as a kubelet would describe it, with a log directory, in the engine's cgroup; `overrides` win field by field. */
export function podConfig(engine: Engine, overrides: PodConfigInit = {}): PodConfigInit {
  const name = `pod-${process.pid}-${uniqueNumber()}`;
  const logDirectory = join(engine.directory, "logs", name);
  mkdirSync(logDirectory, { recursive: true });
  const defaults: PodConfigInit = {
    metadata: { name, uid: `uid-${name}`, namespace: "tests", attempt: 0 },
    hostname: name,
    logDirectory,
    linux: { cgroupParent: engine.cgroupParent, ...KUBELET_DEFAULTS },
  };
  return merged(defaults, overrides);
}

/** A container that logs to `NAME_0.log` in the pod's directory; `overrides` win field by field. */
export function containerConfig(image: string, overrides: ContainerConfigInit = {}): ContainerConfigInit {
  const name = `container-${uniqueNumber()}`;
  const defaults: ContainerConfigInit = {
    metadata: { name, attempt: 0 },
    image: { image },
    logPath: `${name}_0.log`,
    linux: KUBELET_DEFAULTS,
  };
  return merged(defaults, overrides);
}

/** `overrides` on top of `defaults`, object by object; anything that is not a plain object replaces as a whole. */
function merged<T extends object>(defaults: T, overrides: T): T {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(overrides)) {
    const below = result[key];
    result[key] = isPlain(below) && isPlain(value) ? merged(below, value) : value;
  }
  return result as T;
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
