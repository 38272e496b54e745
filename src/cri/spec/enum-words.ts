import { internal, invalidArgument } from "../../errors/crib-error.ts";
import {
  CgroupMountMode as CgroupMountModeNumber,
  MountPropagation as MountPropagationNumber,
  NamespaceMode as NamespaceModeNumber,
  SupplementalGroupsPolicy as PolicyNumber,
  Protocol,
} from "../../gen/runtime/v1/api_pb.ts";
import type { NamespaceMode } from "../../spec/namespace-options.ts";
import type { PodPort } from "../../spec/pod-spec.ts";
import type { MountPropagation } from "../../spec/requested-mount.ts";
import type { CgroupMountMode, SupplementalGroupsPolicy } from "../../spec/security-context.ts";

/** An enum of the API and our words for it, both ways. */
export interface EnumWords<Value extends number, Word> {
  /** @throws {CribError} invalid-argument for a number the API did not have when this was built. */
  wordOf(value: Value): Word;
  valueOf(word: Word): Value;
}

function enumWords<Value extends number, Word>(name: string, table: Readonly<Record<Value, Word>>) {
  const words = new Map(Object.entries(table).map(([value, word]) => [Number(value) as Value, word as Word]));
  const values = new Map([...words].map(([value, word]) => [word, value]));
  return {
    wordOf(value: Value): Word {
      if (!words.has(value)) throw invalidArgument(`${value} is not a known ${name}`);
      return words.get(value) as Word;
    },
    valueOf(word: Word): Value {
      const value = values.get(word);
      if (value === undefined) throw internal(`${String(word)} is no ${name}`);
      return value;
    },
  };
}

export const namespaceModes: EnumWords<NamespaceModeNumber, NamespaceMode> = enumWords("NamespaceMode", {
  [NamespaceModeNumber.POD]: "pod",
  [NamespaceModeNumber.CONTAINER]: "container",
  [NamespaceModeNumber.NODE]: "node",
  [NamespaceModeNumber.TARGET]: "target",
} as const);

export const mountPropagations: EnumWords<MountPropagationNumber, MountPropagation> = enumWords("MountPropagation", {
  [MountPropagationNumber.PROPAGATION_PRIVATE]: "private",
  [MountPropagationNumber.PROPAGATION_HOST_TO_CONTAINER]: "host-to-container",
  [MountPropagationNumber.PROPAGATION_BIDIRECTIONAL]: "bidirectional",
} as const);

export const groupsPolicies: EnumWords<PolicyNumber, SupplementalGroupsPolicy> = enumWords("SupplementalGroupsPolicy", {
  [PolicyNumber.Merge]: "merge",
  [PolicyNumber.Strict]: "strict",
} as const);

export const cgroupMountModes: EnumWords<CgroupMountModeNumber, CgroupMountMode | undefined> = enumWords(
  "CgroupMountMode",
  {
    [CgroupMountModeNumber.UNSPECIFIED]: undefined,
    [CgroupMountModeNumber.READ_ONLY]: "read-only",
    [CgroupMountModeNumber.READ_WRITE]: "read-write",
  } as const,
);

export const protocols: EnumWords<Protocol, PodPort["protocol"]> = enumWords("Protocol", {
  [Protocol.TCP]: "tcp",
  [Protocol.UDP]: "udp",
  [Protocol.SCTP]: "sctp",
} as const);
