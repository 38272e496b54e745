/** One file operation of a list that is done on another thread, and what is expected of it. */
export type FileOperation =
  | { readonly kind: "mkdir"; readonly path: string; readonly mode: number }
  | { readonly kind: "rmdir"; readonly path: string }
  /** One write(2) to a file that is there. */
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "read"; readonly path: string; readonly expected: string | undefined }
  | { readonly kind: "exists"; readonly path: string; readonly expected: boolean }
  | { readonly kind: "chown"; readonly path: string; readonly uid: number; readonly gid: number }
  /** Names of the directories in it; nothing is expected of those. */
  | { readonly kind: "directories"; readonly path: string }
  /** Goes on, whatever comes of it. */
  | { readonly kind: "umount"; readonly path: string; readonly flags: number }
  | { readonly kind: "unlink"; readonly path: string }
  /** Replaces the BPF_CGROUP_DEVICE program of a v2 group. */
  | { readonly kind: "devices"; readonly path: string; readonly program: Uint8Array };

export interface FileOutcome {
  /** 0: done. */
  readonly errno: number;
  /** Of `exists`: 1 when it does. */
  readonly value: number;
  /** What was read, or names that end with a NUL. */
  readonly bytes: Uint8Array;
}
