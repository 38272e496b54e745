/** A line of /proc/PID/uid_map (user_namespaces(7)): `length` ids from `inside` on are those from `outside` on for us. */
interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly length: number;
}

/** How a container's ids and ours stand to each other. */
export class IdMap {
  readonly #ranges: readonly IdRange[];

  /** @param text of uid_map or gid_map as this process reads it; undefined or empty: the same ids on both sides. */
  constructor(text: string | undefined) {
    this.#ranges = (text ?? "")
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number))
      .flatMap(([inside, outside, length]) =>
        inside === undefined || outside === undefined || length === undefined ? [] : [{ inside, outside, length }],
      );
  }

  /** undefined: no id of the host is that id in the container. */
  toHost(id: number): number | undefined {
    if (this.#ranges.length === 0) return id;
    const range = this.#ranges.find(({ inside, length }) => id >= inside && id < inside + length);
    return range && id - range.inside + range.outside;
  }

  /** undefined: the container has no name for that id. */
  toContainer(id: number): number | undefined {
    if (this.#ranges.length === 0) return id;
    const range = this.#ranges.find(({ outside, length }) => id >= outside && id < outside + length);
    return range && id - range.outside + range.inside;
  }
}
