import { expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { execRequest } from "../../tests/fixtures/streaming-bed.ts";
import { CribError } from "../errors/crib-error.ts";
import { StreamTokens } from "./stream-tokens.ts";

test("V66: a token is 128 bits, and no two are the same", () => {
  const tokens = new StreamTokens(createFakeClock());
  const issued = Array.from({ length: 1000 }, () => tokens.issue(execRequest));
  expect(issued.every((token) => Buffer.from(token, "base64url").length === 16 && token.length === 22)).toBe(true);
  expect(new Set(issued).size).toBe(1000);
});

test("V66: a token is good once", () => {
  const tokens = new StreamTokens(createFakeClock());
  const token = tokens.issue(execRequest);
  expect(tokens.redeem(token)).toBe(execRequest);
  expect(tokens.redeem(token)).toBeUndefined();
  expect(tokens.redeem("A".repeat(22))).toBeUndefined();
});

test("V66: a token is good for a minute", async () => {
  const clock = createFakeClock();
  const tokens = new StreamTokens(clock);
  const [early, late] = [tokens.issue(execRequest), tokens.issue(execRequest)];
  await clock.advance(59_999);
  expect(tokens.redeem(early)).toBe(execRequest);
  await clock.advance(1);
  expect(tokens.redeem(late)).toBeUndefined();
  expect(tokens.outstanding).toBe(0);
});

test("V66: the 1001st token waits for one of the thousand to be used or to expire", async () => {
  const clock = createFakeClock();
  const tokens = new StreamTokens(clock);
  const [first = ""] = Array.from({ length: 1000 }, () => tokens.issue(execRequest));
  let thrown: unknown;
  try {
    tokens.issue(execRequest);
  } catch (error) {
    thrown = error;
  }
  expect(CribError.is(thrown, "resource-exhausted")).toBe(true);
  tokens.redeem(first);
  tokens.issue(execRequest);
  expect(() => tokens.issue(execRequest)).toThrow("1000 streams");
  await clock.advance(60_000);
  tokens.issue(execRequest);
  expect(tokens.outstanding).toBe(1);
});
