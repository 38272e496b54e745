import type { RuntimeFeatures } from "../../runtime/port.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

const featureNames = {
  recursiveReadOnlyMounts: "recursive-read-only-mounts",
  userNamespaces: "user-namespaces",
  cgroupNamespaces: "cgroup-namespaces",
} as const satisfies Record<keyof RuntimeFeatures, string>;

/** For `crib runtimes` and `crib doctor`. A runtime that cannot be called fails no other. */
export function listRuntimes({ pods }: Pick<CriDeps, "pods">): EngineRpc<"listRuntimes"> {
  return async () => ({
    runtimes: (await pods.examineRuntimes()).map(
      ({ name, type, isDefault, program, version, features, problem, pods: count }) => ({
        name,
        type,
        default: isDefault,
        program: program ?? "",
        version: version ?? "",
        features: namesOf(features),
        problem: problem ?? "",
        pods: count,
      }),
    ),
  });
}

function namesOf(features: RuntimeFeatures): string[] {
  return Object.entries(featureNames).flatMap(([feature, name]) =>
    features[feature as keyof RuntimeFeatures] ? [name] : [],
  );
}
