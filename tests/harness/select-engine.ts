import { createContainerd } from "./containerd-engine.ts";
import { createCrib } from "./crib-engine.ts";
import type { Engine, EngineKind, EngineOptions } from "./engine.ts";

const factories = { crib: createCrib, containerd: createContainerd } as const satisfies Record<
  EngineKind,
  (options: EngineOptions) => Engine
>;

/** The engine that `CRIB_TEST_ENGINE` asks for: crib unless it says containerd. */
export function selectedEngine(): EngineKind {
  const name = process.env.CRIB_TEST_ENGINE ?? "crib";
  if (name !== "crib" && name !== "containerd") throw new Error(`CRIB_TEST_ENGINE=${name}: must be crib or containerd`);
  return name;
}

export function createEngine(kind: EngineKind, options: EngineOptions): Engine {
  return factories[kind](options);
}
