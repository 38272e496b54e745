/**
 * Lets one piece of long work begin in each round of the event loop, in the order they asked: between two of them everything
 * else that is ready has its turn, however many clients make pods at once. A caller that finds no other before it goes on at once.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  async take(): Promise<void> {
    if (this.#taken) return await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    this.#taken = true;
    this.#handOn();
  }

  #handOn(): void {
    setImmediate(() => {
      const next = this.#waiting.shift();
      this.#taken = next !== undefined;
      if (next === undefined) return;
      next();
      this.#handOn();
    });
  }
}
