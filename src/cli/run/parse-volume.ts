import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import { MountPropagation, type MountSchema } from "../../gen/runtime/v1/api_pb.ts";
import { parseHostPath } from "../../ids/path.ts";

const propagations: Readonly<Record<string, MountPropagation>> = {
  rprivate: MountPropagation.PROPAGATION_PRIVATE,
  rslave: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  rshared: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** `/host:/container[:ro,rslave]` → a CRI mount. @throws {CribError} invalid-argument. */
export function parseVolume(text: string): MessageInitShape<typeof MountSchema> {
  const [host = "", container = "", options = "rw", ...rest] = text.split(":");
  if (host === "" || container === "" || rest.length > 0) {
    throw invalidArgument(`volume ${JSON.stringify(text)} is not /host/path:/container/path[:options]`);
  }
  const words = options.split(",");
  const unknown = words.find((word) => word !== "ro" && word !== "rw" && !Object.hasOwn(propagations, word));
  if (unknown !== undefined)
    throw invalidArgument(`volume option ${JSON.stringify(unknown)} is none of ro, rw, rprivate, rslave, rshared`);
  return {
    hostPath: parseHostPath(host, "volume source"),
    containerPath: parseHostPath(container, "volume target"),
    readonly: words.includes("ro"),
    propagation:
      words.map((word) => propagations[word]).find((value) => value !== undefined) ??
      MountPropagation.PROPAGATION_PRIVATE,
  };
}
