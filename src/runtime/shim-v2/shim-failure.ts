import { readFileSync } from "node:fs";
import type { ErrorCode } from "../../errors/error-code.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import { MonitorError } from "../native/monitor/launch-failure.ts";
import { RuntimeError } from "../runtime-error.ts";

const maxBytes = 8 * 1024;
/** What the pod's author got wrong, in the words of runtimes. */
const authors =
  /executable file|no such file or directory|permission denied|exec format error|not a directory|failed to load/i;

/** What a shim's call failed with, in the shim's words, which lie in `file`. What is no failure of its own stays as it is. */
export function shimFailure(error: unknown, handler: string, directory: HostPath, file: string): unknown {
  if (!(error instanceof MonitorError) || error.code === "deadline-exceeded") return error;
  if (error.failure.step !== "shim" && error.failure.step !== "shim-start") return error;
  const said = readWords(joinHostPath(directory, file));
  if (said === "") return error;
  const code: ErrorCode =
    /\bexec|executable|failed to load/i.test(said) && authors.test(said) ? "failed-precondition" : "internal";
  return new RuntimeError(code, `${handler}: ${said}`, undefined, { cause: error });
}

function readWords(path: HostPath): string {
  try {
    return readFileSync(path, "utf8")
      .slice(-maxBytes)
      .trim()
      .replaceAll(/\s*\n\s*/g, "; ");
  } catch {
    return "";
  }
}
