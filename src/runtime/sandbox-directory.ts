import { mkdirSync } from "node:fs";
import type { SandboxId } from "../ids/object-id.ts";
import type { HostPath } from "../ids/path.ts";
import { joinHostPath } from "../ids/path.ts";

/** `<state>/pods/<id>`: the pod's files, socket and exit records. */
export function sandboxDirectory(state: HostPath, id: SandboxId): HostPath {
  return joinHostPath(state, "pods", id);
}

/** Directory of a sandbox and of what its monitor writes; 0700, on the state directory's tmpfs. */
export function makeSandboxDirectory(directory: HostPath): void {
  mkdirSync(joinHostPath(directory, "exit"), { recursive: true, mode: 0o700 });
}
