import { expect, test } from "bun:test";
import { scrubEnvironment } from "./scrub-environment.ts";

test("scrubEnvironment() takes what loads code and leaves the rest", () => {
  const env: Record<string, string | undefined> = {
    BUN_BE_BUN: "1",
    BUN_OPTIONS: "--inspect",
    NODE_OPTIONS: "-r x",
    LD_PRELOAD: "/x.so",
    HTTPS_PROXY: "http://p",
    NOTIFY_SOCKET: "/run/n",
    PATH: "/bin",
    OLD_BUN_X: "kept",
  };
  scrubEnvironment(env);
  expect(Object.keys(env)).toEqual(["HTTPS_PROXY", "NOTIFY_SOCKET", "PATH", "OLD_BUN_X"]);
});
