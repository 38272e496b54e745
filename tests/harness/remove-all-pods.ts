import type { CriClient } from "./cri-client.ts";

/** Stops and removes every pod an engine knows. Errors are collected: one stuck pod must not keep the others. */
export async function removeAllPods(cri: CriClient): Promise<void> {
  const { items } = await cri.runtime.listPodSandbox({});
  const failures: unknown[] = [];
  for (const { id } of items) {
    try {
      await cri.runtime.stopPodSandbox({ podSandboxId: id });
      await cri.runtime.removePodSandbox({ podSandboxId: id });
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `cannot remove ${failures.length} of ${items.length} pods`);
}
