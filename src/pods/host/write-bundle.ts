import { writeFileSync } from "node:fs";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { specJson } from "../../oci/spec-json.ts";

/** Puts the spec where hooks look for it: config.json beside the root it calls `rootfs`. Gone with the container's directory. */
export function writeBundle(directory: HostPath, spec: RuntimeSpec): void {
  writeFileSync(joinHostPath(directory, "config.json"), specJson(spec), { mode: 0o600 });
}
