import { readFileSync } from "node:fs";
import type { ErrorCode } from "../../errors/error-code.ts";
import type { HostPath } from "../../ids/path.ts";
import { MonitorError } from "../native/monitor/launch-failure.ts";
import { RuntimeError } from "../runtime-error.ts";

/** No runtime says so much of one call. */
const maxLogBytes = 64 * 1024;

/** What the pod's author got wrong, in the words of runc (Go) and crun (C). */
const authors = /executable file|no such file or directory|permission denied|exec format error|not a directory/i;

/**
 * What a runtime's call failed with, as one readable error: the last thing that its log calls an error. What is no failure of the
 * runtime's own is returned as it is.
 */
export function runtimeFailure(error: unknown, runtime: string, log: HostPath): unknown {
  if (!(error instanceof MonitorError) || error.failure.step !== "runtime" || error.code === "deadline-exceeded") {
    return error;
  }
  const said = lastError(log);
  if (said === undefined) return error;
  const code: ErrorCode = /\bexec\b|executable/i.test(said) && authors.test(said) ? "failed-precondition" : "internal";
  return new RuntimeError(code, `${runtime}: ${said}`, undefined, { cause: error });
}

/** `{"level":"error","msg":…}` a line; what else is there is not ours to understand. */
function lastError(log: HostPath): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, "utf8").slice(-maxLogBytes);
  } catch {
    return undefined;
  }
  const lines = text.split("\n").flatMap((line) => parseLine(line) ?? []);
  return lines.findLast(({ level }) => level === "error" || level === "fatal")?.msg ?? lines.at(-1)?.msg;
}

function parseLine(line: string): { readonly level: string; readonly msg: string } | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof entry !== "object" || entry === null || !("msg" in entry) || typeof entry.msg !== "string")
    return undefined;
  return { level: "level" in entry ? String(entry.level) : "", msg: entry.msg.slice(0, 2_000) };
}
