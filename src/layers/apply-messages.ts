import type { ErrorCode } from "../errors/error-code.ts";
import type { LayerLimits } from "./layer-limits.ts";
import type { InheritedDirectory } from "./native/orders.ts";

/** What the daemon's thread asks of a layer worker. `jobId` ties the answer to the question. */
export type WorkerRequest =
  | {
      readonly kind: "unpack";
      readonly jobId: number;
      /** The first that exists is read from its start as it grows; renaming it meanwhile is harmless. */
      readonly blobPaths: readonly string[];
      /** Made by the job; must not exist. */
      readonly directory: string;
      readonly rewritten: readonly (readonly [string, string])[];
      readonly limits: LayerLimits;
    }
  /** The first `availableBytes` of the job's blob may be read; `final` when that is all of it. */
  | { readonly kind: "advance"; readonly jobId: number; readonly availableBytes: number; readonly final: boolean }
  | { readonly kind: "cancel"; readonly jobId: number }
  | {
      readonly kind: "inherit";
      readonly jobId: number;
      readonly directory: string;
      readonly implicit: readonly string[];
      readonly whiteouts: readonly string[];
      /** Top first; empty for the bottom layer. */
      readonly lowerDirs: readonly string[];
    }
  | {
      readonly kind: "find-below";
      readonly jobId: number;
      readonly implicit: readonly string[];
      readonly whiteouts: readonly string[];
      /** Top first; empty for the bottom layer. */
      readonly lowerDirs: readonly string[];
    }
  | { readonly kind: "mount"; readonly jobId: number; readonly index: string; readonly archive: string }
  /** Of a mount's last descriptor: its filesystem goes with it, and all that is cached of it. */
  | { readonly kind: "close"; readonly jobId: number; readonly fd: number }
  | { readonly kind: "fingerprint"; readonly jobId: number; readonly directory: string }
  | { readonly kind: "remove"; readonly jobId: number; readonly parent: string; readonly name: string }
  | { readonly kind: "syncfs"; readonly jobId: number; readonly path: string };

export interface UnpackResult {
  /** `sha256:…` of the uncompressed archive. */
  readonly diffId: string;
  readonly archiveBytes: number;
  readonly members: number;
  readonly diskBytes: number;
  readonly inodes: number;
  readonly droppedXattrs: number;
  /** Directories without a member of their own; "" is the root. */
  readonly implicit: readonly string[];
  /** Names that the layer hides of those below, if they have them. */
  readonly whiteouts: readonly string[];
}

export type InheritResult = {
  readonly rewritten: readonly (readonly [string, string])[];
  /** Whiteouts that hid nothing. */
  readonly removedInodes: number;
};

/** What the layers below say of one that depends on them. */
export interface FoundBelow {
  /** Implied directories that are links below, with the directories they mean. */
  readonly rewritten: readonly (readonly [string, string])[];
  readonly inherited: readonly InheritedDirectory[];
  /** Whiteouts that hide nothing. */
  readonly idle: readonly string[];
}

export type WorkerReply =
  | { readonly jobId: number; readonly kind: "unpacked"; readonly result: UnpackResult }
  | { readonly jobId: number; readonly kind: "inherited"; readonly result: InheritResult }
  | { readonly jobId: number; readonly kind: "found-below"; readonly found: FoundBelow }
  | { readonly jobId: number; readonly kind: "mounted"; readonly fd: number }
  | { readonly jobId: number; readonly kind: "fingerprinted"; readonly digest: string }
  | { readonly jobId: number; readonly kind: "finished" }
  | { readonly jobId: number; readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
