import type { ErrorCode } from "../errors/error-code.ts";
import type { ChainId, DiffId, Digest, ImageId } from "../ids/digest.ts";
import type { HostPath } from "../ids/path.ts";
import type { UnixNanos } from "../ids/units.ts";

/** What the CRI's AuthConfig says; empty strings are absent. Never logged. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly auth: string;
  readonly serverAddress: string;
  readonly identityToken: string;
  readonly registryToken: string;
}

export interface PullRequest {
  /** As the user wrote it; normalised inside ("busybox" → docker.io/library/busybox:latest). */
  readonly reference: string;
  readonly credentials: RegistryCredentials | undefined;
  /** Who asks, for the log: "cri", "cli". */
  readonly asker?: string;
  readonly onProgress?: (progress: PullProgress) => void;
}

export type PullProgress =
  | {
      readonly kind: "resolved";
      readonly reference: string;
      readonly digest: Digest;
      /** Bottom first; a layer may be there twice. */
      readonly layers: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
    }
  | {
      readonly kind: "layer";
      readonly digest: Digest;
      readonly doneBytes: bigint;
      readonly totalBytes: bigint;
      readonly phase: LayerPhase;
      /** Which server sends the layer, once one does. */
      readonly sender?: LayerSender;
    }
  /** A mirror or registry that failed, in this pull or lately: others are asked first for a while. */
  | { readonly kind: "host-failure"; readonly origin: string; readonly why: string }
  | { readonly kind: "done"; readonly imageId: ImageId };

/** A server that sends a blob. */
export interface LayerSender {
  /** "https://mirror.example:5000" */
  readonly origin: string;
  /** Whether it stands in for the registry that the reference names. */
  readonly isMirror: boolean;
}

export type LayerPhase = "waiting" | "downloading" | "unpacking" | "done" | "present";

/** A pull that is going on, for any client, as it stands now. */
export interface PullUnderWay {
  /** Of this daemon's pulls, in the order they began. */
  readonly id: number;
  /** Normalised. */
  readonly reference: string;
  /** Who asked: "cri", "cli", "daemon"; several for one that was joined. */
  readonly askers: readonly string[];
  readonly startedAtNs: UnixNanos;
  /** Once the registry has said what the reference stands for. */
  readonly digest: Digest | undefined;
  readonly layers: readonly LayerUnderWay[];
}

export interface LayerUnderWay {
  readonly digest: Digest;
  readonly phase: LayerPhase;
  readonly doneBytes: bigint;
  readonly totalBytes: bigint;
  /** Undefined until it can be told. */
  readonly bytesPerSecond: number | undefined;
  readonly msLeft: number | undefined;
  readonly sender: LayerSender | undefined;
}

/** A step of some pull: where it stands, and how it ended once it has. */
export interface PullEvent {
  readonly pull: PullUnderWay;
  readonly ended: { readonly imageId: ImageId } | { readonly error: string } | undefined;
}

/** The parts of an OCI image config that running it needs; validated and frozen. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly exposedPorts: readonly string[];
  readonly createdAt: string;
}

export interface Image {
  readonly id: ImageId;
  /** "docker.io/library/busybox:1.36", normalised. */
  readonly repoTags: readonly string[];
  /** "docker.io/library/busybox@sha256:…". */
  readonly repoDigests: readonly string[];
  /** Compressed layers plus config plus manifest. */
  readonly sizeBytes: bigint;
  readonly config: ImageConfig;
  /** The config blob as it was pushed, for verbose status. */
  readonly rawConfig: string;
  readonly pinned: boolean;
  readonly pulledAtNs: UnixNanos;
}

/** One unpacked layer, as verbose status tells it. */
export interface ImageLayer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  /** A lower directory of overlays. */
  readonly directory: HostPath;
  readonly diskBytes: number;
  readonly inodes: number;
}

/** A blob of an image as it was pushed: a manifest, its config, a layer as it travelled. */
export interface ImageBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** What no image has and no pull is using. */
export type Leftover = { readonly bytes: number; readonly changedAtNs: UnixNanos } & (
  | { readonly kind: "partial-blob" | "blob"; readonly digest: Digest }
  | { readonly kind: "layer"; readonly digest: ChainId }
  /** What a check set aside. `name` is its file's or directory's. */
  | { readonly kind: "damaged"; readonly digest: string; readonly name: string }
);

/** What can be wrong with a blob or layer of the store. */
export type StoreProblem = "missing" | "wrong-size" | "wrong-digest" | "unreadable";

/** Something that a check found, and what became of it. */
export interface StoreFinding {
  readonly part: "blob" | "layer";
  readonly digest: Digest | ChainId;
  readonly problem: StoreProblem;
  /** The images it is of, by their names. */
  readonly images: readonly string[];
  /** "found": nothing was done. "lost": it is set aside, and could not be had again for now. */
  readonly outcome: "found" | "repaired" | "lost";
  /** Why it could not be had again. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
}

export interface StoreCheck {
  readonly items: number;
  readonly doneItems: number;
  readonly doneBytes: bigint;
}

export type CheckStep =
  | ({ readonly kind: "progress" } & StoreCheck)
  | ({ readonly kind: "finding" } & StoreFinding)
  | ({ readonly kind: "done"; readonly findings: number } & StoreCheck);
/** A seccomp profile that was pulled. */
export interface SecurityProfile {
  readonly digest: Digest;
  /** Every reference that was pulled and meant it. */
  readonly refs: readonly string[];
  readonly sizeBytes: bigint;
}

/** Seccomp profiles from registries. Their references name a digest; nothing here is an image. */
export interface SecurityProfiles {
  /**
   * One that is here is not asked for again: `cached`, and the credentials were not tried.
   * @throws {CribError} invalid-argument, with SecurityProfileInvalid as its first word, for what will never be a profile.
   */
  pull(
    reference: string,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly cached: boolean }>;
  list(): readonly SecurityProfile[];
  /** Absent is success. Who runs under it keeps it. */
  remove(digest: string): Promise<void>;
  /** The profile as it was pushed; undefined when it was not pulled. @throws {CribError} invalid-argument for a malformed reference. */
  find(reference: string): string | undefined;
}

/** An image that an archive brought, or what became of one that it has. */
export type ImportedImage = {
  /** What the archive calls it, normalised. */
  readonly names: readonly string[];
  /** Of its manifest or index. */
  readonly digest: Digest;
} & (
  | { readonly outcome: "imported"; readonly imageId: ImageId }
  /** Not for this node, or no image: others of the archive are. */
  | { readonly outcome: "skipped"; readonly why: string }
);

export interface ExportRequest {
  /** Tags, digests, ids or id prefixes. */
  readonly images: readonly string[];
  /** Where a layer's compressed blob is not kept: takes its archive as it is, and another manifest that says so. */
  readonly rebuild: boolean;
}

/** Images from and to archives. */
export interface Archives {
  /**
   * Takes the images of an archive: an OCI layout as a tar, or what `docker save` writes; plain, gzip or zstd.
   * @param name what to call the image of an archive that has one; a repository for one that says a tag alone.
   * @throws {CribError} for an archive that is damaged or holds no image for this node: then nothing of it stays.
   */
  import(
    archive: AsyncIterable<Uint8Array>,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly ImportedImage[]>;
  /** An OCI layout as a tar, which `docker load` reads as well, with the digests that the images were pulled with. */
  export(request: ExportRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /** Gives an image one more name, and takes it from whatever had it. @returns it, normalised. */
  tag(image: string, name: string): Promise<string>;
}

/** The image service's domain: what ImageService RPCs and containers need. */
export interface Images {
  readonly profiles: SecurityProfiles;
  readonly archives: Archives;
  /** Joins a pull of the same reference (and credentials) already under way. */
  pull(request: PullRequest, signal: AbortSignal): Promise<Image>;
  /** The pulls that are going on, oldest first. */
  pulls(): readonly PullUnderWay[];
  /** Tells `listener` of every step of every pull from now on, a few times a second at most of each, until disposed of. */
  watchPulls(listener: (event: PullEvent) => void): Disposable;
  /** By id, id prefix (≥ 4 hex digits, unambiguous), tag or digest reference. @returns undefined when absent. */
  find(reference: string): Image | undefined;
  list(): readonly Image[];
  /**
   * Removes the image `reference` names (id, prefix, tag or digest) with all its references. Absent is success. While
   * containers use it the image is gone from every list and its layers stay; the last `release` frees them.
   */
  remove(reference: string): Promise<void>;
  /**
   * Read-only layer directories of an image, top first, for an overlay. They are the holder's until `release`, across
   * restarts of the daemon too; a holder that asks again gets them even if the image was removed meanwhile.
   * @throws {CribError} not-found.
   */
  acquireRootfs(id: ImageId, holder: string): { readonly lowerDirs: readonly HostPath[] };
  release(holder: string): void;
  /** The unpacked layers of an image, bottom first; none when the image is gone. Whoever only looks holds nothing. */
  layers(id: ImageId): readonly ImageLayer[];
  /** The blobs of an image that are kept. */
  blobs(id: ImageId): readonly ImageBlob[];
  /** /etc/passwd and /etc/group of the image, strictly parsed, cached (layers never change). */
  accounts(id: ImageId): ImageAccounts;
  usage(): { readonly mountpoint: HostPath; readonly usedBytes: bigint; readonly usedInodes: bigint };
  /** What failed pulls left for the next try, oldest first: it is on the disk and in no image. */
  leftovers(): Promise<readonly Leftover[]>;
  /** Deletes it. @returns what was deleted. */
  removeLeftovers(): Promise<readonly Leftover[]>;
  /**
   * Reads every blob and layer of every image, and says what is not what it should be. With `repair` that is set aside, fetched
   * and built again; running containers keep what they have.
   */
  check(options: { readonly repair: boolean }, signal: AbortSignal): AsyncGenerator<CheckStep>;
  /** Deletes layers and blobs nothing refers to, and what a crash left half-done. */
  collectGarbage(): Promise<void>;
}

export interface ImageAccounts {
  readonly users: readonly {
    readonly name: string;
    readonly uid: number;
    readonly gid: number;
    readonly home: string;
  }[];
  readonly groups: readonly { readonly name: string; readonly gid: number; readonly members: readonly string[] }[];
}
