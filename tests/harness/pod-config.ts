import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import type { Engine } from "./engine.ts";

export type PodConfigInit = Exclude<MessageInitShape<typeof PodSandboxConfigSchema>, { $typeName: string }>;
export type ContainerConfigInit = Exclude<MessageInitShape<typeof ContainerConfigSchema>, { $typeName: string }>;

let count = 0;

/** A number no other pod or container of this process has. */
export function uniqueNumber(): number {
  return ++count;
}

/** A pod as a kubelet would describe it, with a log directory, in the engine's cgroup; `overrides` win field by field. */
export function podConfig(engine: Engine, overrides: PodConfigInit = {}): PodConfigInit {
  const name = `pod-${process.pid}-${uniqueNumber()}`;
  const logDirectory = join(engine.directory, "logs", name);
  mkdirSync(logDirectory, { recursive: true });
  return {
    metadata: { name, uid: `uid-${name}`, namespace: "tests", attempt: 0 },
    hostname: name,
    logDirectory,
    ...overrides,
    linux: { cgroupParent: engine.cgroupParent, ...overrides.linux } as NonNullable<PodConfigInit["linux"]>,
  };
}

/** A container that logs to `NAME_ATTEMPT.log` in the pod's directory. */
export function containerConfig(image: string, overrides: ContainerConfigInit = {}): ContainerConfigInit {
  const name = `container-${uniqueNumber()}`;
  return {
    metadata: { name, attempt: 0 },
    image: { image },
    logPath: `${name}_0.log`,
    ...overrides,
  };
}
