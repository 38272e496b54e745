import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

/** Which executable each pod's monitor runs, for `crib pods --wide` and `crib doctor`. */
export function listMonitors({ pods }: Pick<CriDeps, "pods">): EngineRpc<"listMonitors"> {
  return () => ({
    monitors: pods
      .monitors()
      .map(({ id, build, newest }) => ({ podSandboxId: id, build: build ?? "", newest: newest ?? "" })),
  });
}

/** For `crib upgrade --monitors`. One that is not renewed fails no other. */
export function renewMonitors({ pods }: Pick<CriDeps, "pods">): EngineRpc<"renewMonitors"> {
  return async ({ podSandboxIds }) => ({
    monitors: (await pods.renewMonitors(podSandboxIds)).map(({ id, build, failure }) => ({
      podSandboxId: id,
      build: build ?? "",
      failure: failure?.message ?? "",
    })),
  });
}
