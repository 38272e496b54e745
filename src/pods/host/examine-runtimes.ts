import type { PodEngine } from "../engine.ts";
import type { RuntimeSample } from "../port.ts";

/** A pod of before handlers were recorded has crib's own runtime, under whatever name that has now. */
export async function examineRuntimes(engine: PodEngine): Promise<readonly RuntimeSample[]> {
  const examined = await engine.runtimes.examine();
  const pods = engine.sandboxes.all();
  return examined.map((one) => ({
    ...one,
    pods: pods.filter(({ handler }) => handler === one.name || (handler === undefined && one.isDefault)).length,
  }));
}
