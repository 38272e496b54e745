import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { isMissing } from "../../../errors/is-missing.ts";
import { parseContainerId } from "../../../ids/object-id.ts";
import { type HostPath, joinHostPath } from "../../../ids/path.ts";
import type { UnixNanos } from "../../../ids/units.ts";
import type { ContainerExit } from "../../port.ts";

/** "<version> <code> <signal> <oom> <finished>\n", see ffi/monitor/process/exit-record.c. */
const recordPattern = /^1 (\d{1,3}) (\d{1,3}) ([01]) (\d{1,20})\n$/;
const idPattern = /^[0-9a-f]{64}$/;

/** The record, or undefined when it is not one (a later version's, or torn by a crash of the machine). */
export function parseExitRecord(id: string, text: string): ContainerExit | undefined {
  const match = recordPattern.exec(text);
  if (match === null || !idPattern.test(id)) return undefined;
  const [, code, signal, oom, finished] = match;
  if (Number(code) > 255 || finished === undefined) return undefined;
  return {
    id: parseContainerId(id),
    exitCode: Number(code),
    signal: Number(signal),
    oomKilled: oom === "1",
    finishedAtNs: BigInt(finished) as UnixNanos,
  };
}

/** What monitors left in `<directory>/exit`; none when there is no such directory. One bad record never hides the others. */
export function readExitRecords(directory: HostPath): readonly ContainerExit[] {
  const records = joinHostPath(directory, "exit");
  return list(records)
    .filter((name) => idPattern.test(name))
    .flatMap((name) => parseExitRecord(name, readRecord(joinHostPath(records, name))) ?? []);
}

/** Longer than any record; what is more is none. */
const longestRecord = 128;

/**
 * Empty when there is no plain file: something else in its place must neither block the reader (a FIFO) nor lead it away
 * (a link), and what cannot be read tells as little as no record.
 */
function readRecord(path: HostPath): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) return "";
    const bytes = Buffer.alloc(longestRecord);
    return bytes.toString("latin1", 0, readSync(fd, bytes));
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  } finally {
    closeSync(fd);
  }
}

function list(directory: HostPath): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
