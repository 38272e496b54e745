import { expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { NameRegistry } from "./name-registry.ts";

test("NameRegistry.claim joins a retry of the same request to the work under way", async () => {
  const names = new NameRegistry<string>("sandbox");
  const gate = Promise.withResolvers<string>();
  let made = 0;
  const create = () => {
    made++;
    return gate.promise;
  };
  const both = Promise.all([names.claim("pod", "same", create), names.claim("pod", "same", create)]);
  gate.resolve("id");
  expect(await both).toEqual(["id", "id"]);
  expect(made).toBe(1);
});

test("NameRegistry.claim returns what an earlier attempt of the same request made", async () => {
  const names = new NameRegistry<string>("sandbox");
  names.adopt("pod", "same", "id");
  expect(await names.claim("pod", "same", () => Promise.reject(new Error("must not run")))).toBe("id");
});

test("NameRegistry.claim refuses another request and names the holder", async () => {
  const names = new NameRegistry<string>("sandbox");
  names.adopt("pod", "one", "holder");
  const refused = names.claim("pod", "two", async () => "id");
  await expect(refused).rejects.toThrow(/"pod" already exists: held by holder/);
  expect(await refused.catch((error: unknown) => CribError.is(error, "already-exists"))).toBe(true);
});

test("NameRegistry.claim frees the name when the creation fails", async () => {
  const names = new NameRegistry<string>("sandbox");
  await expect(names.claim("pod", "one", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await names.claim("pod", "two", async () => "id")).toBe("id");
  names.release("pod");
  expect(names.holder("pod")).toBeUndefined();
});
