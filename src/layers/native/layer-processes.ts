import type { Fd } from "../../ids/process.ts";
import { readArtifact } from "../../kernel/artifacts.ts";
import type { Kernel } from "../../kernel/port.ts";
import { LayerProcess, type LayerProcessRequest } from "./layer-process.ts";

/** Starts `crib-layer` processes; they share the pages of one sealed memfd, made for the first. */
export class LayerProcesses implements Disposable {
  readonly #kernel: Kernel;
  #executable: Fd | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  async start(request: LayerProcessRequest): Promise<LayerProcess> {
    this.#executable ??= this.#kernel.sealedMemfd("crib-layer", readArtifact("crib-layer"));
    return await LayerProcess.start(this.#kernel, this.#executable, request);
  }

  [Symbol.dispose](): void {
    if (this.#executable !== undefined) this.#kernel.close(this.#executable);
    this.#executable = undefined;
  }
}
