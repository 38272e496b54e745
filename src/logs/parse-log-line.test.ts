import { expect, test } from "bun:test";
import { parseLogLine } from "./parse-log-line.ts";

const at = "2026-01-31T12:00:00.123456789Z";

const good: readonly [line: string, stream: string, partial: boolean, content: string][] = [
  [`${at} stdout F hello`, "stdout", false, "hello"],
  [`${at} stderr P half`, "stderr", true, "half"],
  [`${at} stdout F `, "stdout", false, ""],
  [`${at} stdout F`, "stdout", false, ""],
  [`${at} stdout F  two spaces `, "stdout", false, " two spaces "],
  [`${at} stdout P:later-tag x`, "stdout", true, "x"],
  ["2026-01-31T13:00:00+01:00 stdout F offset", "stdout", false, "offset"],
];

test.each(good)("parseLogLine(%j)", (line, stream, partial, content) => {
  const parsed = parseLogLine(Buffer.from(line));
  expect(parsed).toMatchObject({ stream, partial });
  expect(Buffer.from(parsed?.content ?? []).toString()).toBe(content);
});

const bad = [
  "",
  "F",
  `${at} stdout`,
  `${at} stdin F x`,
  `${at} stdout X x`,
  "yesterday stdout F x",
  `${"9".repeat(80)} stdout F x`,
];

test.each(bad)("parseLogLine(%j) is no line", (line) => {
  expect(parseLogLine(Buffer.from(line))).toBeUndefined();
});

test("parseLogLine keeps bytes that are no UTF-8", () => {
  const content = new Uint8Array([0xff, 0x00, 0x80]);
  expect(parseLogLine(Buffer.concat([Buffer.from(`${at} stdout F `), content]))?.content).toEqual(Buffer.from(content));
});
