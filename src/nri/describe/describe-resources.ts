import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LinuxResourcesSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { SpecResources } from "../../oci/runtime-spec.ts";

/** The limits of an OCI spec in the words of NRI. */
export function describeResources(resources: SpecResources): MessageInitShape<typeof LinuxResourcesSchema> {
  const { cpu, memory, pids, hugepageLimits = [], unified = {}, devices } = resources;
  return {
    memory: { ...int64("limit", memory?.limit), ...int64("swap", memory?.swap) },
    cpu: {
      ...int64("shares", cpu?.shares),
      ...int64("quota", cpu?.quota),
      ...int64("period", cpu?.period),
      cpus: cpu?.cpus ?? "",
      mems: cpu?.mems ?? "",
    },
    hugepageLimits: hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit: BigInt(limit) })),
    unified: { ...unified },
    devices: devices.map(({ allow, type = "a", major, minor, access = "" }) => ({
      allow,
      type,
      ...int64("major", major),
      ...int64("minor", minor),
      access,
    })),
    ...(pids !== undefined && { pids: { limit: BigInt(pids.limit) } }),
  };
}

function int64<Name extends string>(name: Name, value: number | undefined): { [K in Name]?: { value: bigint } } {
  return (value === undefined ? {} : { [name]: { value: BigInt(Math.trunc(value)) } }) as {
    [K in Name]?: { value: bigint };
  };
}
