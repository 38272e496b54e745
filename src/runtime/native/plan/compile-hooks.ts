import { internal } from "../../../errors/crib-error.ts";
import type { HostPath } from "../../../ids/path.ts";
import { parseHostPath } from "../../../ids/path.ts";
import type { RuntimeSpec } from "../../../oci/runtime-spec.ts";
import type { PlanStep } from "./steps.ts";

/**
 * The spec's createContainer hooks, with the state document they read on stdin (OCI runtime-spec, runtime.md "State"). There is
 * no pid in it: the process is one of a namespace that is only being made.
 */
export function compileHooks(
  spec: RuntimeSpec,
  bundle: { readonly id: string; readonly directory: HostPath } | undefined,
): readonly PlanStep[] {
  if (spec.hooks === undefined) return [];
  if (bundle === undefined) throw internal("a spec with hooks was compiled without its bundle");
  const { ociVersion, annotations } = spec;
  const state = { ociVersion, id: bundle.id, status: "creating", bundle: bundle.directory, annotations };
  const text = new TextEncoder().encode(JSON.stringify(state));
  return spec.hooks.createContainer.map(({ path, args, env, timeout }) => ({
    kind: "hook",
    path: parseHostPath(path, "hook path"),
    argv: args,
    env,
    state: text,
    timeoutSeconds: timeout,
  }));
}
