/** Runs pieces of work one after the other, in the order they come; one that fails does not hold up the next. */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Whether what is given to it now would wait. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const result = this.#last.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}
