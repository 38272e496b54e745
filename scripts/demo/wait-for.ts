/** Asks every 10 ms until there is an answer. @throws after `boundMs`, naming `what`. */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  boundMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${boundMs / 1000} s: ${what}`);
    await Bun.sleep(10);
  }
}
