import { alreadyExists } from "../../errors/crib-error.ts";

interface Reservation<Id> {
  /** Tells a retry of the same request from another request that wants the same name. */
  readonly fingerprint: string;
  readonly id: Id | undefined;
  readonly work: Promise<Id> | undefined;
}

/**
 * Names of sandboxes and containers (metadata and attempt), each held by one of them.
 *
 * A client that timed out asks again with the same request: it joins the work under way, or gets the id the first
 * attempt made. The same name with another request is refused and told who holds it.
 */
export class NameRegistry<Id extends string> {
  readonly #kind: string;
  readonly #byName = new Map<string, Reservation<Id>>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Records a name whose holder exists already (daemon start). */
  adopt(name: string, fingerprint: string, id: Id): void {
    this.#byName.set(name, { fingerprint, id, work: undefined });
  }

  release(name: string): void {
    this.#byName.delete(name);
  }

  /** The holder of `name`, once it is made. */
  holder(name: string): Id | undefined {
    return this.#byName.get(name)?.id;
  }

  /**
   * Runs `create` under `name`; a failure frees the name.
   * @throws {CribError} already-exists when another request holds it.
   */
  async claim(name: string, fingerprint: string, create: () => Promise<Id>): Promise<Id> {
    const held = this.#byName.get(name);
    if (held !== undefined) {
      if (held.fingerprint !== fingerprint) {
        throw alreadyExists(
          this.#kind,
          name,
          `held by ${held.id ?? "a creation under way"}; remove it or raise the attempt`,
        );
      }
      if (held.work !== undefined) return await held.work;
      if (held.id !== undefined) return held.id;
    }
    const work = create();
    this.#byName.set(name, { fingerprint, id: undefined, work });
    try {
      const id = await work;
      this.#byName.set(name, { fingerprint, id, work: undefined });
      return id;
    } catch (error) {
      this.#byName.delete(name);
      throw error;
    }
  }
}
