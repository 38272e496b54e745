import { CribError } from "../../errors/crib-error.ts";
import type { FoundBelow, UnpackResult } from "../../layers/apply-messages.ts";
import type { UnpackJob } from "../../layers/layer-workers.ts";
import type { LayerProcess } from "../../layers/native/layer-process.ts";
import type { LayerIndex, ParsedLayer } from "../../layers/native/replies.ts";

/** What turns a blob into a layer while it comes. Disposing of it ends it. */
export interface Unpacking<Result> extends Disposable {
  /** Fails as cancelled when it is disposed of first. */
  readonly result: Promise<Result>;
  /** Begins with the first call: before it there is no file to read. */
  advance(availableBytes: number, final: boolean): void;
}

/** Into a tree of files, by the threads of this process. */
export class DirectoryUnpacking implements Unpacking<UnpackResult> {
  readonly result: Promise<UnpackResult>;
  readonly #start: () => UnpackJob;
  readonly #started = Promise.withResolvers<UnpackJob>();
  #job: UnpackJob | undefined;

  constructor(start: () => UnpackJob) {
    this.#start = start;
    this.result = this.#started.promise.then((job) => job.result);
    this.result.catch(() => undefined);
  }

  advance(availableBytes: number, final: boolean): void {
    this.#job ??= this.#start();
    this.#started.resolve(this.#job);
    this.#job.advance(availableBytes, final);
  }

  [Symbol.dispose](): void {
    this.#started.reject(endedBefore());
    this.#job?.cancel();
  }
}

/** Into an archive and its index, by a process of its own. */
export class ArchiveUnpacking implements Unpacking<ParsedLayer> {
  readonly result: Promise<ParsedLayer>;
  readonly #start: () => Promise<LayerProcess>;
  readonly #started = Promise.withResolvers<LayerProcess>();
  #process: LayerProcess | undefined;
  #available: { readonly bytes: number; readonly final: boolean } | undefined;
  #disposed = false;

  constructor(start: () => Promise<LayerProcess>) {
    this.#start = start;
    this.result = this.#started.promise.then((process) => process.parsed());
    this.result.catch(() => undefined);
  }

  advance(availableBytes: number, final: boolean): void {
    if (this.#available === undefined) this.#launch();
    this.#available = { bytes: availableBytes, final };
    this.#process?.advance(availableBytes, final);
  }

  /**
   * Once there is a result: settles what depends on the layers below, and writes the index.
   * @param find asks the layers below.
   */
  async index(chainId: string, find: (parsed: ParsedLayer) => Promise<FoundBelow>): Promise<LayerIndex> {
    const process = await this.#started.promise;
    const parsed = await this.result;
    if (dependsOnOthers(parsed)) {
      let found = await find(parsed);
      if (found.rewritten.length > 0) found = await find(await process.rewrite(found.rewritten));
      process.inherit(found.inherited);
      process.drop(found.idle);
    }
    return await process.index(Buffer.from(chainId.slice(chainId.indexOf(":") + 1), "hex"));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#started.reject(endedBefore());
    this.#process?.[Symbol.dispose]();
    this.#process = undefined;
  }

  #launch(): void {
    this.#start().then(
      (process) => {
        if (this.#disposed) return process[Symbol.dispose]();
        this.#process = process;
        if (this.#available !== undefined) process.advance(this.#available.bytes, this.#available.final);
        this.#started.resolve(process);
      },
      (error: unknown) => this.#started.reject(error),
    );
  }
}

/** Whether the layers below have a say in what the layer is. */
export function dependsOnOthers({ implicit, whiteouts }: ParsedLayer): boolean {
  return implicit.length > 0 || whiteouts.length > 0;
}

function endedBefore(): CribError {
  return new CribError("cancelled", "the download ended before unpacking began");
}
