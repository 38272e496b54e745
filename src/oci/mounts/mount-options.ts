import {
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
} from "../../kernel/mount-flags.ts";

export type Propagation = "private" | "slave" | "shared";

/** What the option strings of a spec's mount mean to mount_setattr(2), open_tree(2) and fsconfig(2). */
export interface MountOptions {
  readonly bind: boolean;
  /** The source's submounts come along. */
  readonly recursiveBind: boolean;
  readonly attributes: number;
  /** Attributes go to every mount of the tree (`rro` and its like). */
  readonly recursiveAttributes: boolean;
  readonly propagation: Propagation;
  /** What is left for the filesystem. */
  readonly data: readonly string[];
}

interface Effect {
  readonly set?: number;
  readonly clear?: number;
  readonly recursive?: boolean;
  readonly propagation?: Propagation;
  readonly bind?: "one" | "tree";
}

const atime = MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME;

/** OCI runtime-spec, config.md "Linux mount options". The recursive forms (Linux ≥ 5.12) follow by prefix. */
const attributeEffects = {
  ro: { set: MOUNT_ATTR_RDONLY },
  rw: { clear: MOUNT_ATTR_RDONLY },
  nosuid: { set: MOUNT_ATTR_NOSUID },
  suid: { clear: MOUNT_ATTR_NOSUID },
  nodev: { set: MOUNT_ATTR_NODEV },
  dev: { clear: MOUNT_ATTR_NODEV },
  noexec: { set: MOUNT_ATTR_NOEXEC },
  exec: { clear: MOUNT_ATTR_NOEXEC },
  noatime: { set: MOUNT_ATTR_NOATIME, clear: atime },
  strictatime: { set: MOUNT_ATTR_STRICTATIME, clear: atime },
  relatime: { clear: atime },
  nodiratime: { set: MOUNT_ATTR_NODIRATIME },
  diratime: { clear: MOUNT_ATTR_NODIRATIME },
  nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
} as const satisfies Record<string, Effect>;

const effects: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ...Object.entries<Effect>(attributeEffects),
  ...Object.entries<Effect>(attributeEffects).map(
    ([name, effect]) => [`r${name}`, { ...effect, recursive: true }] as const,
  ),
  ["defaults", {}],
  // Said by the mappings of the mount as well, and done while its source is opened.
  ["idmap", {}],
  ["ridmap", {}],
  ["bind", { bind: "one" }],
  ["rbind", { bind: "tree" }],
  ...(["private", "slave", "shared"] as const).flatMap((propagation) => [
    [propagation, { propagation }] as const,
    [`r${propagation}`, { propagation }] as const,
  ]),
]);

/** Later options win over earlier ones. Attributes of a bind are only ever added to those of its source. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let attributes = 0;
  let recursiveAttributes = false;
  let propagation: Propagation = "private";
  let bind: Effect["bind"];
  const data: string[] = [];
  for (const option of options) {
    const effect = effects.get(option);
    if (effect === undefined) {
      data.push(option);
      continue;
    }
    attributes = (attributes & ~(effect.clear ?? 0)) | (effect.set ?? 0);
    recursiveAttributes ||= effect.recursive === true;
    propagation = effect.propagation ?? propagation;
    bind = effect.bind ?? bind;
  }
  return {
    bind: bind !== undefined,
    recursiveBind: bind === "tree",
    attributes,
    recursiveAttributes,
    propagation,
    data,
  };
}
