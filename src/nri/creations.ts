/**
 * Many creations at once, or none while a plugin is told of what there is: what came into being unseen would never be told.
 * A pause waits for the creations under way and lets no new one begin; both have the deadlines of what they wait for.
 */
export class Creations {
  #underWay = 0;
  #pauses = 0;
  #waiting: (() => void)[] = [];

  async begin(): Promise<Disposable> {
    while (this.#pauses > 0) await this.#change();
    this.#underWay += 1;
    return this.#once(() => {
      this.#underWay -= 1;
    });
  }

  async pause(): Promise<Disposable> {
    this.#pauses += 1;
    while (this.#underWay > 0) await this.#change();
    return this.#once(() => {
      this.#pauses -= 1;
    });
  }

  #once(end: () => void): Disposable {
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        end();
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const wake of waiting) wake();
      },
    };
  }

  async #change(): Promise<void> {
    await new Promise<void>((wake) => {
      this.#waiting.push(wake);
    });
  }
}
