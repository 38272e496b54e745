import { expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { followRedirect } from "./follow-redirect.ts";

const from = (origin: string): URL => new URL(`${origin}/v2/r/blobs/x`);
const publicRegistry = "https://registry.example";

test.each([
  "http://elsewhere.example/x",
  "https://127.0.0.1/x",
  "https://127.9.9.9:8443/x",
  "https://0x7f000001/x",
  "https://localhost/x",
  "https://x.localhost/x",
  "https://[::1]/x",
  "https://[::ffff:127.0.0.1]/x",
  "https://169.254.169.254/latest/meta-data",
  "https://[fe80::1]/x",
  "https://0.0.0.0/x",
  "file:///etc/passwd",
  "unix:///run/crib/crib.sock",
  "https://user:pw@elsewhere.example/x",
  "https://",
])("a public registry may not send its clients to %s", (location) => {
  try {
    followRedirect(publicRegistry, from(publicRegistry), location);
  } catch (error) {
    // Not "unavailable": asking again would lead to the same place.
    expect(CribError.is(error, "failed-precondition")).toBe(true);
    return;
  }
  throw new Error("it was followed");
});

test.each([
  [publicRegistry, "https://cdn.example:8443/x?y=1", "https://cdn.example:8443/x?y=1"],
  [publicRegistry, "/other", "https://registry.example/other"],
  [publicRegistry, "https://10.0.0.7/x", "https://10.0.0.7/x"],
  ["http://127.0.0.1:5000", "http://127.0.0.1:6000/x", "http://127.0.0.1:6000/x"],
  ["http://localhost:5000", "https://cdn.example/x", "https://cdn.example/x"],
])("%s may send to %s", (origin, location, expected) => {
  expect(followRedirect(origin, from(origin), location).href).toBe(expected);
});
