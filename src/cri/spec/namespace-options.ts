import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { IDMapping, NamespaceOption } from "../../gen/runtime/v1/api_pb.ts";
import { NamespaceOptionSchema, type UserNamespaceSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { IdMapping } from "../../spec/id-mapping.ts";
import type { NamespaceOptions } from "../../spec/namespace-options.ts";
import { namespaceModes } from "./enum-words.ts";

export function toNamespaceOptions(message: NamespaceOption): NamespaceOptions {
  const { usernsOptions: users, cgroupnsOptions: cgroups } = message;
  return {
    network: namespaceModes.wordOf(message.network),
    pid: namespaceModes.wordOf(message.pid),
    ipc: namespaceModes.wordOf(message.ipc),
    targetId: message.targetId,
    usernsOptions: users && {
      mode: namespaceModes.wordOf(users.mode),
      uids: users.uids.map(toIdMapping),
      gids: users.gids.map(toIdMapping),
    },
    cgroupnsOptions: cgroups && { mode: namespaceModes.wordOf(cgroups.mode) },
  };
}

export function fromNamespaceOptions(options: NamespaceOptions): NamespaceOption {
  const { usernsOptions: users, cgroupnsOptions: cgroups } = options;
  return create(NamespaceOptionSchema, {
    network: namespaceModes.valueOf(options.network),
    pid: namespaceModes.valueOf(options.pid),
    ipc: namespaceModes.valueOf(options.ipc),
    targetId: options.targetId,
    usernsOptions: users && fromUserNamespace(users),
    cgroupnsOptions: cgroups && { mode: namespaceModes.valueOf(cgroups.mode) },
  });
}

function fromUserNamespace(
  users: NonNullable<NamespaceOptions["usernsOptions"]>,
): MessageInitShape<typeof UserNamespaceSchema> {
  return { mode: namespaceModes.valueOf(users.mode), uids: [...users.uids], gids: [...users.gids] };
}

export function toIdMapping({ containerId, hostId, length }: IDMapping): IdMapping {
  return { containerId, hostId, length };
}
