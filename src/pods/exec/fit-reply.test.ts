import { expect, test } from "bun:test";
import { fitReply } from "./fit-reply.ts";

const limit = 4096 + 100;

test.each([
  { stdout: 50, stderr: 50, kept: [50, 50] },
  { stdout: 500, stderr: 0, kept: [100, 0] },
  { stdout: 0, stderr: 500, kept: [0, 100] },
  { stdout: 500, stderr: 20, kept: [80, 20] },
  { stdout: 20, stderr: 500, kept: [20, 80] },
  { stdout: 500, stderr: 500, kept: [50, 50] },
])("fitReply of $stdout and $stderr bytes in 100 keeps $kept", ({ stdout, stderr, kept }) => {
  const fitted = fitReply({ stdout: new Uint8Array(stdout), stderr: new Uint8Array(stderr) }, limit);
  expect([fitted.stdout.byteLength, fitted.stderr.byteLength]).toEqual([...kept]);
});
