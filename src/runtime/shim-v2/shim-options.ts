import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { ShimOptions } from "../../config/runtime-handler.ts";
import { OptionsSchema as RuncOptionsSchema } from "../../gen/containerd/runc/v1/options_pb.ts";
import { OptionsSchema as FileOptionsSchema } from "../../gen/runtimeoptions/v1/options_pb.ts";

/** What the configuration says to the runtime behind the shim, as the shim reads it; undefined: nothing. */
export function shimOptions(options: ShimOptions): Any | undefined {
  const { binaryName, root, systemdCgroup, configPath, typeUrl } = options;
  if (configPath !== undefined || typeUrl !== undefined) {
    const value = create(FileOptionsSchema, { configPath: configPath ?? "", typeUrl: typeUrl ?? "" });
    return create(AnySchema, { typeUrl: FileOptionsSchema.typeName, value: toBinary(FileOptionsSchema, value) });
  }
  if (binaryName === undefined && root === undefined && !systemdCgroup) return undefined;
  const value = create(RuncOptionsSchema, { binaryName: binaryName ?? "", root: root ?? "", systemdCgroup });
  return create(AnySchema, { typeUrl: RuncOptionsSchema.typeName, value: toBinary(RuncOptionsSchema, value) });
}
