import { dirname } from "node:path";
import { assertNever } from "../errors/assert-never.ts";
import { CribError } from "../errors/crib-error.ts";
import { hasErrno } from "../errors/has-errno.ts";
import type { Fd } from "../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";
import type { WorkerReply, WorkerRequest } from "./apply-messages.ts";
import { BlobTail } from "./blob-tail.ts";
import { removeTree } from "./remove-tree.ts";
import { dropIdleWhiteouts, idleWhiteouts } from "./tree/idle-whiteouts.ts";
import { findDirectories, inheritDirectories } from "./tree/inherit-directories.ts";
import { treeDigest } from "./tree-digest.ts";
import { unpackLayer } from "./unpack-layer.ts";

interface RunningUnpack {
  readonly tail: BlobTail;
  readonly abort: AbortController;
}

type Request<Kind extends WorkerRequest["kind"]> = Extract<WorkerRequest, { kind: Kind }>;

/** Carries out the requests of `apply-messages.ts`. Unpackings wait for their blobs side by side. */
export class LayerJobs {
  readonly #kernel: Kernel;
  readonly #running = new Map<number, RunningUnpack>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** @returns the reply; undefined for requests that have none. Failures are thrown. */
  async handle(request: WorkerRequest): Promise<WorkerReply | undefined> {
    switch (request.kind) {
      case "unpack":
        return await this.#unpack(request);
      case "advance":
        this.#running.get(request.jobId)?.tail.advance(request.availableBytes, request.final);
        return undefined;
      case "cancel":
        this.#running.get(request.jobId)?.abort.abort(new CribError("cancelled", "unpacking was cancelled"));
        return undefined;
      case "inherit":
        return this.#inherit(request);
      case "find-below":
        return this.#findBelow(request);
      case "mount":
        return { jobId: request.jobId, kind: "mounted", fd: this.#mount(request) };
      case "close":
        this.#kernel.close(request.fd as Fd);
        return { jobId: request.jobId, kind: "finished" };
      case "fingerprint":
        return { jobId: request.jobId, kind: "fingerprinted", digest: treeDigest(request.directory) };
      case "remove":
        this.#withDirectory(request.parent, (parent) => removeTree(this.#kernel, parent, request.name));
        return { jobId: request.jobId, kind: "finished" };
      case "syncfs":
        this.#withDirectory(request.path, (directory) => this.#kernel.syncfs(directory));
        return { jobId: request.jobId, kind: "finished" };
      default:
        return assertNever(request, "worker request");
    }
  }

  async #unpack(request: Request<"unpack">): Promise<WorkerReply> {
    const blob = this.#openFirst(request.blobPaths);
    try {
      const tail = new BlobTail(this.#kernel, blob);
      const abort = new AbortController();
      this.#running.set(request.jobId, { tail, abort });
      const rewritten = new Map(request.rewritten);
      const result = await unpackLayer(this.#kernel, tail, request.directory, rewritten, request.limits, abort.signal);
      return { jobId: request.jobId, kind: "unpacked", result };
    } finally {
      this.#running.delete(request.jobId);
      this.#kernel.close(blob);
    }
  }

  #openFirst(paths: readonly string[]): Fd {
    for (const path of paths.slice(0, -1)) {
      try {
        return this.#kernel.open(path, O_RDONLY | O_NOFOLLOW);
      } catch (error) {
        if (!hasErrno(error, "ENOENT")) throw error;
      }
    }
    return this.#kernel.open(paths.at(-1) ?? "", O_RDONLY | O_NOFOLLOW);
  }

  #inherit(request: Request<"inherit">): WorkerReply {
    const result = this.#withDirectory(request.directory, (layer) =>
      this.#withView(request.lowerDirs, (view) => {
        const directories = inheritDirectories(this.#kernel, layer, request.implicit, view);
        // A layer that is unpacked again makes them again.
        const removedInodes =
          directories.size > 0 ? 0 : dropIdleWhiteouts(this.#kernel, layer, request.whiteouts, view);
        return { rewritten: [...directories], removedInodes };
      }),
    );
    return { jobId: request.jobId, kind: "inherited", result };
  }

  #findBelow({ jobId, implicit, whiteouts, lowerDirs }: Request<"find-below">): WorkerReply {
    return this.#withView(lowerDirs, (view) => {
      const { rewritten, inherited } = findDirectories(this.#kernel, implicit, view);
      const idle = idleWhiteouts(this.#kernel, whiteouts, view);
      return { jobId, kind: "found-below", found: { rewritten: [...rewritten], inherited, idle } };
    });
  }

  /** A mount that overlayfs does not take for a layer (before 6.15, for it is attached nowhere) is none. */
  #mount({ index, archive }: Request<"mount">): Fd {
    const fd = this.#kernel.mountLayer(index, archive);
    try {
      this.#kernel.close(this.#kernel.openOverlayView([`/proc/self/fd/${fd}`, dirname(index)]));
      return fd;
    } catch (error) {
      this.#kernel.close(fd);
      throw error;
    }
  }

  #withView<T>(lowerDirs: readonly string[], use: (view: Fd | undefined) => T): T {
    const view = lowerDirs.length === 0 ? undefined : this.#kernel.openOverlayView(lowerDirs);
    try {
      return use(view);
    } finally {
      if (view !== undefined) this.#kernel.close(view);
    }
  }

  #withDirectory<T>(path: string, use: (fd: Fd) => T): T {
    const fd = this.#kernel.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      return use(fd);
    } finally {
      this.#kernel.close(fd);
    }
  }
}
