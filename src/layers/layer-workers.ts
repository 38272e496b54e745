import { CribError, internal } from "../errors/crib-error.ts";
import type { Fd } from "../ids/process.ts";
import type { FoundBelow, InheritResult, UnpackResult, WorkerReply, WorkerRequest } from "./apply-messages.ts";
import type { LayerLimits } from "./layer-limits.ts";

/** One unpacking under way. */
export interface UnpackJob {
  /** Settles once the last byte announced as final is on disk. */
  readonly result: Promise<UnpackResult>;
  advance(availableBytes: number, final: boolean): void;
  cancel(): void;
}

interface UnpackRequest {
  readonly blobPaths: readonly string[];
  readonly directory: string;
  readonly rewritten: readonly (readonly [string, string])[];
  readonly limits: LayerLimits;
}

/** A fixed set of threads for everything that walks or fills layer directories. */
export interface LayerWorkers extends Disposable {
  unpack(request: UnpackRequest): UnpackJob;
  /** @param unpacked what of the layer in `directory` depends on those below; bottom layers have no `lowerDirs`. */
  inherit(
    directory: string,
    unpacked: Pick<UnpackResult, "implicit" | "whiteouts">,
    lowerDirs: readonly string[],
  ): Promise<InheritResult>;
  /** What the layers below say of one that is not there yet. */
  findBelow(parsed: Pick<UnpackResult, "implicit" | "whiteouts">, lowerDirs: readonly string[]): Promise<FoundBelow>;
  /**
   * Mounts a layer's index, attached nowhere; the descriptor is this process's, and `close` gives it back.
   * @throws {CribError} where the kernel does not mount it so that an overlay can take it for a layer.
   */
  mount(index: string, archive: string): Promise<Fd>;
  /** Off the main thread: with a filesystem go its cached pages, however many. */
  close(fd: Fd): Promise<void>;
  /** `sha256:…` of a layer's tree, see tree-digest.ts. */
  fingerprint(directory: string): Promise<string>;
  /** Removes `name` in `parent`, a tree or a file. Absent is success. */
  remove(parent: string, name: string): Promise<void>;
  /** Resolves when everything written to the filesystem of `path` before the call is on disk; calls share a sync. */
  syncfs(path: string): Promise<void>;
}

/** Two threads unpack; a third syncs and removes, which may block for seconds. */
const unpackThreads = 2;

/**
 * In a compiled executable all modules are one file at the root and entry points keep their place below the source
 * root; run from source, a module's URL is its own file.
 */
function workerUrl(): string {
  const inExecutable = import.meta.url.startsWith("file:///$bunfs/");
  return new URL(inExecutable ? "./layers/apply.worker.ts" : "./apply.worker.ts", import.meta.url).href;
}

export function createLayerWorkers(): LayerWorkers {
  const unpackers = Array.from({ length: unpackThreads }, () => new Thread());
  const chores = new Thread();
  const leastBusy = (): Thread => unpackers.reduce((best, thread) => (thread.load < best.load ? thread : best));
  let queuedSync: { readonly path: string; readonly done: Promise<void> } | undefined;
  let runningSync: Promise<void> = Promise.resolve();

  return {
    unpack(request) {
      const thread = leastBusy();
      const { jobId, reply } = thread.ask({ kind: "unpack", ...request });
      return {
        result: reply.then((answer) => expect(answer, "unpacked").result),
        advance: (availableBytes, final) => thread.tell({ kind: "advance", jobId, availableBytes, final }),
        cancel: () => thread.tell({ kind: "cancel", jobId }),
      };
    },
    async inherit(directory, { implicit, whiteouts }, lowerDirs) {
      const { reply } = leastBusy().ask({ kind: "inherit", directory, implicit, whiteouts, lowerDirs });
      return expect(await reply, "inherited").result;
    },
    async findBelow({ implicit, whiteouts }, lowerDirs) {
      const { reply } = leastBusy().ask({ kind: "find-below", implicit, whiteouts, lowerDirs });
      return expect(await reply, "found-below").found;
    },
    async mount(index, archive) {
      return expect(await leastBusy().ask({ kind: "mount", index, archive }).reply, "mounted").fd as Fd;
    },
    async close(fd) {
      expect(await chores.ask({ kind: "close", fd }).reply, "finished");
    },
    async fingerprint(directory) {
      return expect(await leastBusy().ask({ kind: "fingerprint", directory }).reply, "fingerprinted").digest;
    },
    async remove(parent, name) {
      expect(await chores.ask({ kind: "remove", parent, name }).reply, "finished");
    },
    syncfs(path) {
      if (queuedSync?.path === path) return queuedSync.done;
      const previous = runningSync;
      const done = previous.then(async () => {
        if (queuedSync?.done === done) queuedSync = undefined;
        expect(await chores.ask({ kind: "syncfs", path }).reply, "finished");
      });
      queuedSync = { path, done };
      // A failed sync is its callers' to report; the next one starts all the same.
      runningSync = done.catch(() => undefined);
      return done;
    },
    [Symbol.dispose]() {
      for (const thread of [...unpackers, chores]) thread.stop();
    },
  };
}

type Unnumbered<T> = T extends unknown ? Omit<T, "jobId"> : never;

/** A worker started at its first job and kept: starting costs 2 ms and stopping one has leaked in Bun's past. */
class Thread {
  #worker: Worker | undefined;
  #nextJobId = 1;
  readonly #waiting = new Map<number, PromiseWithResolvers<WorkerReply>>();

  get load(): number {
    return this.#waiting.size;
  }

  ask(request: Unnumbered<WorkerRequest>): { jobId: number; reply: Promise<WorkerReply> } {
    const jobId = this.#nextJobId++;
    const waiting = Promise.withResolvers<WorkerReply>();
    this.#waiting.set(jobId, waiting);
    const worker = this.#started();
    // A process waits for its jobs; idle threads must not keep a command line that is done from ending.
    worker.ref();
    worker.postMessage({ ...request, jobId });
    return { jobId, reply: waiting.promise };
  }

  tell(request: WorkerRequest): void {
    if (this.#waiting.has(request.jobId)) this.#started().postMessage(request);
  }

  stop(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#failAll(new CribError("cancelled", "the layer workers were stopped"));
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    // A small heap collects often: what passes through is large pieces that live for one moment.
    const worker = new Worker(workerUrl(), { smol: true });
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.#settle(data);
    worker.onerror = (event) => {
      // The thread is gone with all it was doing; the next job starts another.
      if (this.#worker === worker) this.#worker = undefined;
      worker.terminate();
      this.#failAll(internal(`a layer worker failed: ${event.message}`));
    };
    this.#worker = worker;
    return worker;
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.jobId);
    this.#waiting.delete(reply.jobId);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (reply.kind === "failed") waiting?.reject(new CribError(reply.code, reply.message));
    else waiting?.resolve(reply);
  }

  #failAll(error: CribError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

function expect<Kind extends WorkerReply["kind"]>(
  reply: WorkerReply,
  kind: Kind,
): Extract<WorkerReply, { kind: Kind }> {
  if (reply.kind !== kind) throw internal(`a layer worker answered ${reply.kind}, not ${kind}`);
  return reply as Extract<WorkerReply, { kind: Kind }>;
}
