import { create } from "@bufbuild/protobuf";
import type { Mount } from "../../gen/runtime/v1/api_pb.ts";
import { MountSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { RequestedContainerPath, RequestedHostPath } from "../../spec/requested-path.ts";
import { mountPropagations } from "./enum-words.ts";
import { toIdMapping } from "./namespace-options.ts";
import { fromRequestedImage, toRequestedImage } from "./requested-image.ts";

/** An image without a reference is none. */
export function toRequestedMount(message: Mount): RequestedMount {
  const { image } = message;
  return {
    containerPath: message.containerPath as RequestedContainerPath,
    hostPath: message.hostPath === "" ? undefined : (message.hostPath as RequestedHostPath),
    image: image === undefined || image.image === "" ? undefined : toRequestedImage(image),
    imageSubPath: message.imageSubPath,
    readonly: message.readonly,
    recursiveReadOnly: message.recursiveReadOnly,
    selinuxRelabel: message.selinuxRelabel,
    propagation: mountPropagations.wordOf(message.propagation),
    uidMappings: message.uidMappings.map(toIdMapping),
    gidMappings: message.gidMappings.map(toIdMapping),
    mountOptions: [...message.mountOptions],
  };
}

export function fromRequestedMount(mount: RequestedMount): Mount {
  return create(MountSchema, {
    ...mount,
    hostPath: mount.hostPath ?? "",
    image: mount.image && fromRequestedImage(mount.image),
    propagation: mountPropagations.valueOf(mount.propagation),
    uidMappings: [...mount.uidMappings],
    gidMappings: [...mount.gidMappings],
    mountOptions: [...mount.mountOptions],
  });
}
