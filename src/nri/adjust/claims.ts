import type { MessageInitShape } from "@bufbuild/protobuf";
import { failedPrecondition } from "../../errors/crib-error.ts";
import type { FieldOwnersSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { Field } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";

/** What a plugin can change, as messages name it, and by which number validators are told of it. */
const fields = {
  annotation: Field.Annotations,
  mount: Field.Mounts,
  hooks: Field.OciHooks,
  device: Field.Devices,
  "CDI device": Field.CdiDevices,
  env: Field.Env,
  args: Field.Args,
  "memory limit": Field.MemLimit,
  "memory swap limit": Field.MemSwapLimit,
  "cpu shares": Field.CPUShares,
  "cpu quota": Field.CPUQuota,
  "cpu period": Field.CPUPeriod,
  "cpuset cpus": Field.CPUSetCPUs,
  "cpuset mems": Field.CPUSetMems,
  "pids limit": Field.PidsLimit,
  "hugepage limit": Field.HugepageLimits,
  unified: Field.CgroupsUnified,
  "oom score": Field.OomScoreAdj,
  rlimit: Field.Rlimits,
  "seccomp policy": Field.SeccompPolicy,
} as const;

type ClaimedField = keyof typeof fields;

/** Who changed what of one container: two plugins that want the same thing differently are an error, not a race. */
export class Claims {
  /** field → key ("" where a field is one thing) → plugin. */
  readonly #owners = new Map<ClaimedField, Map<string, string>>();

  /** @throws {CribError} failed-precondition when another plugin has claimed it. */
  claim(plugin: string, field: ClaimedField, key = ""): void {
    const owners = this.#owners.get(field) ?? new Map<string, string>();
    this.#owners.set(field, owners);
    const owner = owners.get(key);
    if (owner !== undefined && owner !== plugin) {
      const what = key === "" ? field : `${field} ${JSON.stringify(key)}`;
      throw failedPrecondition(
        `plugins ${JSON.stringify(owner)} and ${JSON.stringify(plugin)} both tried to set ${what}: stop one of them, or let it leave that alone`,
      );
    }
    owners.set(key, plugin);
  }

  /** Hooks are appended: all plugins may have some, and validators see whose. */
  share(plugin: string, field: ClaimedField): void {
    const owners = this.#owners.get(field) ?? new Map<string, string>();
    this.#owners.set(field, owners);
    const before = owners.get("");
    owners.set("", before === undefined ? plugin : `${before},${plugin}`);
  }

  /** A plugin that removes what another has set may set it anew. */
  release(field: ClaimedField, key = ""): void {
    this.#owners.get(field)?.delete(key);
  }

  /** As validators are told. */
  describe(): MessageInitShape<typeof FieldOwnersSchema> {
    const simple: Record<number, string> = {};
    const compound: Record<number, { owners: Record<string, string> }> = {};
    for (const [field, owners] of this.#owners) {
      const whole = owners.get("");
      if (whole !== undefined) simple[fields[field]] = whole;
      else if (owners.size > 0) compound[fields[field]] = { owners: Object.fromEntries(owners) };
    }
    return { simple, compound };
  }
}
