import type { HostPath, RootfsPath } from "../../../ids/path.ts";
import type { PidNamespace } from "../../port.ts";

/**
 * The launch plan: everything the C init stage does between clone and execve, in order.
 *
 * TypeScript decides, C obeys: each step is one kernel operation (or one small idiom) with all its arguments.
 * A step that fails ends the launch and comes back as `{errno, step, path}`, except where `optional` is documented.
 * The order is chosen by `compile-container.ts` and `compile-exec.ts`; the wire form is written by `encode.ts` and read by `ffi/init/`.
 */
export type PlanStep =
  /** Writes "0" to a cgroup.procs file, before any cgroup namespace is unshared. */
  | { readonly kind: "join-cgroup"; readonly procsFile: HostPath }
  /** Kernel refusal (EACCES, EPERM: no CAP_SYS_RESOURCE) is reported as a warning, never fails the launch. */
  | { readonly kind: "oom-score-adj"; readonly value: number }
  | { readonly kind: "join-namespace"; readonly path: HostPath; readonly nsType: number }
  /** unshare(2) flags left after clone (the cgroup namespace must follow join-cgroup). */
  | { readonly kind: "unshare"; readonly flags: number }
  | { readonly kind: "hostname"; readonly name: string }
  /** prlimit of the process itself; a raise refused with EPERM is a warning. `resource` is RLIMIT_*. */
  | { readonly kind: "rlimit"; readonly resource: number; readonly soft: bigint; readonly hard: bigint }
  /**
   * Opens the source of a later `bind` before propagation of the host's mounts is cut (open_tree OPEN_TREE_CLONE), so that
   * a shared or slave mount keeps its peer group. `slot` numbers it. Fails ENOENT when the source is missing.
   */
  | { readonly kind: "open-source"; readonly slot: number; readonly path: HostPath; readonly recursive: boolean }
  /** Shows the tree in `slot` with the ids of the pod's user namespace; EINVAL where the filesystem cannot (Linux 5.12). */
  | { readonly kind: "idmap-source"; readonly slot: number }
  /**
   * The root of an image, or what is at `path` in it, as the source of a later `bind`; after `root-propagation`, because it
   * works on `staging`. Links in `path` are resolved inside the image.
   */
  | {
      readonly kind: "open-image";
      readonly slot: number;
      /** Top first. */
      readonly lower: readonly HostPath[];
      readonly staging: HostPath;
      /** "" for the image's root. */
      readonly path: string;
      readonly idmapped: boolean;
    }
  /**
   * Copies what the root has at `path` into the tree in `slot`, or into a tmpfs that it puts there: how a volume of the image's
   * begins. After the root is made, and before the user namespace, where files could not be given away. A path that is not
   * there leaves the tree as it is.
   */
  | {
      readonly kind: "copy-up";
      readonly slot: number;
      readonly path: RootfsPath;
      readonly onTmpfs: boolean;
      /** Of the tmpfs: where SELinux is on, its label. */
      readonly options: readonly string[];
    }
  /**
   * Goes on in the pod's user namespace, as its root, in a child with new namespaces of `flags` (CLONE_NEW*) that belong to
   * it. What needs the host's privilege comes before: cgroups, limits, sources, the root.
   */
  | { readonly kind: "enter-user-namespace"; readonly flags: number }
  /** The pipes that are stdin, stdout and stderr become `uid`'s, in the host's numbering: `user` cannot in a user namespace. */
  | { readonly kind: "stdio-owner"; readonly uid: number }
  /**
   * Recursively makes every mount of the new mount namespace a slave (or private) of the host's; before `rootfs`, always.
   * "shared" does that too, and makes the container's root mount shared after the pivot.
   */
  | { readonly kind: "root-propagation"; readonly propagation: "slave" | "private" | "shared" }
  /** Mounts the root: overlay of `lower` (top first) with upper and work, or a bind of `lower[0]` when there is no upper. */
  | {
      /** "idmapped-rootfs" shows the layers with the ids of the pod's user namespace (Linux 5.19), and is attached there. */
      readonly kind: "rootfs" | "idmapped-rootfs";
      readonly lower: readonly HostPath[];
      readonly upper: HostPath | undefined;
      readonly work: HostPath | undefined;
      /** A directory of the host to attach it on, seen in this mount namespace only. */
      readonly attachAt: HostPath;
      readonly options: readonly string[];
    }
  /** A new filesystem (fsopen/fsmount, or mount(2)) attached inside the root; target created as a directory if missing. */
  | {
      readonly kind: "mount";
      readonly fsType: string;
      readonly source: string;
      readonly target: RootfsPath;
      /** MOUNT_ATTR_* mask. */
      readonly attributes: number;
      /** "key=value" or "flag" filesystem options. */
      readonly options: readonly string[];
    }
  /** Attaches an opened source inside the root; target created (file or directory, as the source is) if missing. */
  | {
      readonly kind: "bind";
      readonly slot: number;
      readonly target: RootfsPath;
      /** MOUNT_ATTR_* to set, on the whole tree if `recursive`. */
      readonly attributes: number;
      readonly recursive: boolean;
      readonly propagation: "private" | "slave" | "shared";
    }
  /** A device node made in the root (mknodat), or bound from the host's when mknod is refused in a user namespace. */
  | {
      readonly kind: "device";
      readonly path: RootfsPath;
      readonly type: "char" | "block" | "fifo";
      readonly major: number;
      readonly minor: number;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  /** EEXIST is success. */
  | { readonly kind: "symlink"; readonly target: string; readonly path: RootfsPath }
  /**
   * Opens a pty in the container's own devpts (/dev/pts/ptmx, verified), sends the master to the monitor, takes the slave
   * (TIOCGPTPEER) as stdio and controlling terminal, binds it on /dev/console unless this is an exec. Only with `terminal`.
   */
  | { readonly kind: "console" }
  /** pivot_root into the root, detach the old one. Every later path is the container's. */
  | { readonly kind: "pivot" }
  /** Covers a directory with an empty read-only tmpfs, a file with a verified /dev/null; a missing path is skipped. */
  | { readonly kind: "mask"; readonly path: RootfsPath }
  /** Makes a path read-only: in place when it is a mount, else bound on itself, keeping nosuid/nodev/noexec; a missing one is skipped. */
  | { readonly kind: "read-only"; readonly path: RootfsPath }
  | { readonly kind: "read-only-root" }
  /** Written through a private procfs (CVE-2025-52881); `key` uses `/` separators: "net/ipv4/ip_forward". */
  | { readonly kind: "sysctl"; readonly key: string; readonly value: string }
  | { readonly kind: "session-keyring"; readonly name: string }
  | { readonly kind: "umask"; readonly mask: number }
  /** Label written to /proc/self/attr/[apparmor/]exec and read back; failure is fatal (fail closed). */
  | { readonly kind: "lsm-label"; readonly lsm: "apparmor" | "selinux"; readonly label: string }
  | { readonly kind: "no-new-privileges" }
  /** setgroups, setresgid, setresuid, with PR_SET_KEEPCAPS so that `capabilities` can follow. */
  | { readonly kind: "user"; readonly uid: number; readonly gid: number; readonly groups: readonly number[] }
  /** 64-bit capability masks; bounding is dropped first, ambient raised last. Read back and compared. */
  | {
      readonly kind: "capabilities";
      readonly bounding: bigint;
      readonly effective: bigint;
      readonly permitted: bigint;
      readonly inheritable: bigint;
      readonly ambient: bigint;
    }
  /** `struct sock_filter[]`; loaded last before execve with no_new_privs, else before `user` (needs CAP_SYS_ADMIN). */
  | { readonly kind: "seccomp"; readonly program: Uint8Array; readonly flags: number }
  /** mkdir -p inside the root when missing, chdir, then getcwd must be absolute (CVE-2024-21626). */
  | { readonly kind: "working-directory"; readonly path: RootfsPath; readonly create: boolean }
  /**
   * A program of the host, run in the container's namespaces before the pivot, when both roots are in sight (OCI's
   * createContainer hook). Empty environment but `env`, directory `/`, `state` on stdin; fails on any exit but 0, and after
   * `timeoutSeconds`, when its process group is killed.
   */
  | {
      readonly kind: "hook";
      readonly path: HostPath;
      readonly argv: readonly string[];
      readonly env: readonly string[];
      readonly state: Uint8Array;
      readonly timeoutSeconds: number;
    }
  /**
   * An OCI runtime makes the workload's process: `create` (argv by absolute path, run in `bundle`, with the workload's stdio)
   * leaves one that waits and writes its number to `pidFile` there; `start`, if there is one, lets it run once the monitor knows
   * it. With `terminal`, `create` sends one to console.sock in the bundle. The last step instead of `exec`.
   */
  | {
      readonly kind: "runtime";
      readonly bundle: HostPath;
      readonly create: readonly string[];
      readonly start: readonly string[];
      readonly env: readonly string[];
      readonly pidFile: string;
      readonly terminal: boolean;
      /** Of either call. */
      readonly timeoutSeconds: number;
    }
  /**
   * `argv` (by absolute path, run in `bundle`) leaves a process that serves, which is the workload. Its stdin, stdout and stderr are
   * files there. The last step instead of `exec`.
   */
  | {
      readonly kind: "shim-start";
      readonly bundle: HostPath;
      readonly argv: readonly string[];
      readonly env: readonly string[];
      readonly input: string;
      readonly output: string;
      readonly errors: string;
      readonly timeoutSeconds: number;
    }
  /**
   * A shim makes the container, or runs a command in it: the requests, of ttRPC and without their headers, are sent to `socket`, and
   * the process stays until the one to `wait` is answered, with the code that it has. Links to the stdio are made in `bundle`.
   * `resize` ends in width and height, each a tag and five bytes. The last step instead of `exec`.
   */
  | {
      readonly kind: "shim";
      readonly bundle: HostPath;
      readonly socket: string;
      /** What the process has as its root once the container runs. */
      readonly root: HostPath;
      readonly create: Uint8Array;
      readonly start: Uint8Array;
      readonly wait: Uint8Array;
      readonly end: Uint8Array;
      readonly closeStdin: Uint8Array | undefined;
      readonly resize: Uint8Array | undefined;
      /** Of `create` and `start` together. */
      readonly timeoutSeconds: number;
    }
  /** argv[0] without a slash is searched in the PATH of `env` inside the container. Always the last step. */
  | { readonly kind: "exec"; readonly argv: readonly Uint8Array[]; readonly env: readonly Uint8Array[] };

/** How the monitor clones the process that runs the steps. */
export interface LaunchPlan {
  /** CLONE_NEW* flags for clone3. */
  readonly cloneFlags: number;
  /** Which pid namespace the process is born in, when not a new one of its own. */
  readonly pidNamespace: PidNamespace;
  /**
   * For exec: namespaces of this live process are joined (setns on its pidfd); a CLONE_NEW* mask. Leading `join-cgroup`,
   * `oom-score-adj`, `rlimit` and `stdio-owner` steps run before that, with the host's files and privilege, all others after.
   * Undefined for a container's own init.
   */
  readonly join: { readonly pid: number; readonly namespaces: number } | undefined;
  readonly steps: readonly PlanStep[];
}
