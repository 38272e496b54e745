const limitMs = 15_000;

/** @throws {Error} naming `what`, when `work` is not done within a quarter of a minute. */
export async function bounded<Result>(what: string, work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} is not answered`)), limitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
