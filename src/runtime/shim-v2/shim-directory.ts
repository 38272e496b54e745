import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import { parseContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";

/** Bundles side by side, each named after its container, as a shim's `delete` looks for them. */
export function bundleDirectory(podDirectory: HostPath, id: ContainerId | SandboxId): HostPath {
  return joinHostPath(podDirectory, "shim", id);
}

/** What the shim may know, the sandbox's own container last. */
export function bundlesOf(podDirectory: HostPath, sandbox: SandboxId): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(joinHostPath(podDirectory, "shim"));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
  return [...names.filter((name) => name !== sandbox), ...names.filter((name) => name === sandbox)];
}

/** As the pod's monitor knows the shim's own process: no container has this id. */
export function shimProcessId(sandbox: SandboxId): ContainerId {
  return parseContainerId(createHash("sha256").update(`shim of ${sandbox}`).digest("hex"));
}

/** As both the monitor and the shim know the sandbox's own container. */
export function sandboxContainerId(sandbox: SandboxId): ContainerId {
  return parseContainerId(sandbox);
}
