import type { Kernel } from "../../kernel/port.ts";
import { splitEntryPath } from "../entry-path.ts";
import { isWhiteoutNode, type LayerRoot } from "./layer-root.ts";

/**
 * The whiteouts that a layer made, by name. Overlayfs shows one as a name without a file wherever nothing is merged into its
 * directory: what hides nothing must not stay. A directory that is opaque tells it here; whether a lower layer has the name, only
 * who knows those layers (inherit-directories.ts).
 */
export class Whiteouts {
  readonly #kernel: Kernel;
  readonly #root: LayerRoot;
  readonly #maxNameBytes: number;
  readonly #names = new Set<string>();
  #nameBytes = 0;

  /** @param maxNameBytes beyond it names are forgotten: a ghost in a listing is better than a layer refused. */
  constructor(kernel: Kernel, root: LayerRoot, maxNameBytes: number) {
    this.#kernel = kernel;
    this.#root = root;
    this.#maxNameBytes = maxNameBytes;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(path: string): void {
    if (this.#names.has(path)) return;
    this.#nameBytes += path.length + 64;
    if (this.#nameBytes <= this.#maxNameBytes) this.#names.add(path);
  }

  /** Removes those below opaque directories, and forgets those that later members replaced. @returns how many were removed. */
  dropHidden(): number {
    let removed = 0;
    for (const path of this.#names) {
      const { parent, base } = splitEntryPath(path);
      const directory = this.#root.parent(parent);
      const found = this.#root.lookup(directory, base);
      if (found === undefined || !isWhiteoutNode(found)) this.#names.delete(path);
      else if (this.#isBelowOpaque(parent)) {
        this.#kernel.unlinkat(directory, base, false);
        this.#names.delete(path);
        removed++;
      }
    }
    return removed;
  }

  #isBelowOpaque(directory: string): boolean {
    if (this.#root.opaque.size === 0) return false;
    for (let at = directory; ; at = splitEntryPath(at).parent) {
      if (this.#root.opaque.has(at)) return true;
      if (at === "") return false;
    }
  }
}
