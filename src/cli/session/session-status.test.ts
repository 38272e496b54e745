import { expect, test } from "bun:test";
import { parseSessionStatus } from "./session-status.ts";

const cases: readonly [text: string, end: ReturnType<typeof parseSessionStatus>][] = [
  ['{"metadata":{},"status":"Success"}', { kind: "exited", exitCode: 0 }],
  [
    '{"status":"Failure","reason":"NonZeroExitCode","message":"exit 3","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}',
    { kind: "exited", exitCode: 3 },
  ],
  [
    '{"status":"Failure","reason":"InternalError","message":"no such thing"}',
    { kind: "failed", message: "no such thing" },
  ],
  [
    '{"status":"Failure","reason":"NonZeroExitCode","message":"odd","details":{"causes":[{"reason":"ExitCode","message":"three"}]}}',
    { kind: "failed", message: "odd" },
  ],
  ["plain words", { kind: "failed", message: "plain words" }],
  ["[1]", { kind: "failed", message: "[1]" }],
  ["", { kind: "failed", message: "" }],
];

test.each(cases)("%s", (text, end) => {
  expect(parseSessionStatus(text)).toEqual(end);
});
