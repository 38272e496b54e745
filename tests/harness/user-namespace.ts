import { create } from "@bufbuild/protobuf";
import {
  type IDMapping,
  IDMappingSchema,
  NamespaceMode,
  type NamespaceOption,
  NamespaceOptionSchema,
  UserNamespaceSchema,
} from "../../src/gen/runtime/v1/api_pb.ts";

/** The first host id of the tests' pods: no range that a distribution hands out by itself. */
export const firstHostId = 1_703_936;
export const idCount = 65_536;

export function idMap(hostId = firstHostId, length = idCount, containerId = 0): IDMapping {
  return create(IDMappingSchema, { hostId, containerId, length });
}

/** The namespace options that the kubelet sends for `hostUsers: false`, to the pod and to its containers alike. */
export function ownUsers(
  changes: {
    readonly uids?: readonly IDMapping[];
    readonly gids?: readonly IDMapping[];
    readonly network?: NamespaceMode;
    readonly pid?: NamespaceMode;
    readonly ipc?: NamespaceMode;
  } = {},
): NamespaceOption {
  const { uids = [idMap()], gids = [idMap()], pid = NamespaceMode.CONTAINER, ...rest } = changes;
  return create(NamespaceOptionSchema, {
    pid,
    ...rest,
    usernsOptions: create(UserNamespaceSchema, { mode: NamespaceMode.POD, uids: [...uids], gids: [...gids] }),
  });
}
