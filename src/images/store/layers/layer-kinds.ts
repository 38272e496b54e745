import type { Config } from "../../../config/config.ts";
import type { Log } from "../../../observe/log.ts";

/** A tree of files, or an archive with an index that the kernel mounts. */
export type LayerKind = "directory" | "erofs";

/** Which kind new layers are: what was asked for, until the kernel turns out not to mount it. */
export class LayerKinds {
  readonly #config: Pick<Config, "images">;
  readonly #log: Log;
  #unmountable = false;

  constructor(config: Pick<Config, "images">, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  get next(): LayerKind {
    return this.#config.images.layerStore === "directories" || this.#unmountable ? "directory" : "erofs";
  }

  /** @returns whether the layer may be made as a directory instead. */
  mountFailed(error: unknown): boolean {
    if (this.#config.images.layerStore !== "auto") return false;
    if (!this.#unmountable)
      this.#log.info({ error: String(error) }, "this kernel does not mount layers: they are unpacked into directories");
    this.#unmountable = true;
    return true;
  }
}
