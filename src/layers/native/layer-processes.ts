import type { Fd } from "../../ids/process.ts";
import { readArtifact } from "../../kernel/artifacts.ts";
import type { Kernel } from "../../kernel/port.ts";
import { BlobReceiver, type ReceiveRequest } from "./blob-receiver.ts";
import { LayerProcess, type LayerProcessRequest } from "./layer-process.ts";

/** Starts `crib-layer` processes; they share the pages of one sealed memfd, made for the first. */
export class LayerProcesses implements Disposable {
  readonly #kernel: Kernel;
  #executable: Fd | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  async start(request: LayerProcessRequest): Promise<LayerProcess> {
    return await LayerProcess.start(this.#kernel, this.#program(), request);
  }

  /** One that asks a server for a blob and takes what is answered. @throws {CribError} as `BlobReceiver.ask`. */
  async ask(request: ReceiveRequest, signal: AbortSignal): Promise<BlobReceiver> {
    return await BlobReceiver.ask(this.#kernel, this.#program(), request, signal);
  }

  [Symbol.dispose](): void {
    if (this.#executable !== undefined) this.#kernel.close(this.#executable);
    this.#executable = undefined;
  }

  #program(): Fd {
    this.#executable ??= this.#kernel.sealedMemfd("crib-layer", readArtifact("crib-layer"));
    return this.#executable;
  }
}
