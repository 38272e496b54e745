import type { IdMapping } from "./id-mapping.ts";
import type { RequestedImage } from "./requested-image.ts";
import type { RequestedContainerPath, RequestedHostPath } from "./requested-path.ts";

/** Which way later mounts below it are seen: not at all, from the host, or from both. */
export type MountPropagation = "private" | "host-to-container" | "bidirectional";

/** A mount that a request asks for: of a path of the host, or of an image. A volume that an image declares has this form too. */
export interface RequestedMount {
  readonly containerPath: RequestedContainerPath;
  /** undefined: an image, or a volume that is no directory of the host. */
  readonly hostPath: RequestedHostPath | undefined;
  readonly image: RequestedImage | undefined;
  /** The part of the image that is shown; "": all of it. */
  readonly imageSubPath: string;
  readonly readonly: boolean;
  /** Mounts below it are read-only too. */
  readonly recursiveReadOnly: boolean;
  readonly selinuxRelabel: boolean;
  readonly propagation: MountPropagation;
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly mountOptions: readonly string[];
}
