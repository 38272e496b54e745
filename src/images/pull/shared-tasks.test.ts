import { expect, test } from "bun:test";
import { SharedTasks } from "./shared-tasks.ts";

const never = new AbortController().signal;
const nothing = (): void => undefined;

test("everyone gets the one result and its events, the late ones the last event", async () => {
  const tasks = new SharedTasks<string, number, string>({ joinersRetry: true });
  const gate = Promise.withResolvers<void>();
  let starts = 0;
  const seen: string[][] = [[], []];
  const start = async (_signal: AbortSignal, emit: (event: string) => void): Promise<number> => {
    emit("begun");
    await gate.promise;
    emit("ending");
    return ++starts;
  };
  const first = tasks.run("k", never, start, (event) => seen[0]?.push(event));
  await Promise.resolve();
  await Promise.resolve();
  const second = tasks.run("k", never, start, (event) => seen[1]?.push(event));
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([1, 1]);
  expect(seen).toEqual([
    ["begun", "ending"],
    ["begun", "ending"],
  ]);
  expect(tasks.has("k")).toBe(false);
});

test("a joiner whose work failed tries once itself, unless told not to", async () => {
  for (const joinersRetry of [true, false]) {
    const tasks = new SharedTasks<string, string, never>({ joinersRetry });
    const gate = Promise.withResolvers<void>();
    const first = tasks.run("k", never, () => gate.promise.then(() => Promise.reject(new Error("no"))), nothing);
    const second = tasks.run("k", never, () => Promise.resolve("mine"), nothing);
    gate.resolve();
    expect(await first.catch((error: Error) => error.message)).toBe("no");
    expect(await second.catch((error: Error) => error.message)).toBe(joinersRetry ? "mine" : "no");
  }
});

test("the last to leave aborts, and a newcomer waits until the aborted work let go", async () => {
  const tasks = new SharedTasks<string, string, never>({ joinersRetry: true });
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const leaver = new AbortController();
  const left = tasks.run(
    "k",
    leaver.signal,
    async (signal) => {
      await gate.promise;
      order.push(`aborted ${signal.aborted}`);
      throw signal.reason;
    },
    nothing,
  );
  leaver.abort();
  expect(await left.catch((error: { code: string }) => error.code)).toBe("cancelled");
  const next = tasks.run(
    "k",
    never,
    async () => {
      order.push("next");
      return "ok";
    },
    nothing,
  );
  gate.resolve();
  expect(await next).toBe("ok");
  expect(order).toEqual(["aborted true", "next"]);
});
