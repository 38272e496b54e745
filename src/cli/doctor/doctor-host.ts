import { existsSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { connect } from "node:net";
import type { DoctorHost } from "../program/cli-io.ts";

/** The machine this runs on; `probe` comes from the caller, which has the kernel. */
export function createDoctorHost(probe: DoctorHost["probe"]): DoctorHost {
  return {
    readText: (path) => orUndefined(() => readFileSync(path, "utf8")),
    readBytes: (path) => orUndefined(() => readFileSync(path)),
    list: (path) => orUndefined(() => readdirSync(path)),
    exists: existsSync,
    statfs: (path) =>
      orUndefined(() => {
        const stat = statfsSync(path, { bigint: true });
        return {
          type: Number(stat.type),
          totalBytes: stat.blocks * stat.bsize,
          availableBytes: stat.bavail * stat.bsize,
          totalInodes: stat.files,
          freeInodes: stat.ffree,
        };
      }),
    probe,
    answers,
  };
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const end = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(2000, () => end(false));
    connection.once("connect", () => end(true));
    connection.once("error", () => end(false));
  });
}
