import type { Fd, Pid } from "../../ids/process.ts";
import type { FileOperation, FileOutcome } from "../file-operations.ts";
import type { AsideCalls } from "../port.ts";
import { SIGKILL } from "../signals.ts";
import { cString, cStrings } from "./c-string.ts";
import { fileOperations, JobKind } from "./job-numbers.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import { failureOf } from "./linux-failure.ts";
import { Jobs } from "./linux-jobs.ts";

const numbers = fileOperations satisfies Record<FileOperation["kind"], number>;

/** `struct operation_head` of ffi/libcrib/job-files.c. */
const headBytes = 24;

export function asideCalls(calls: Calls): AsideCalls {
  const jobs = new Jobs(calls);
  return {
    async filesAside(operations) {
      if (operations.length === 0) return [];
      const request = Buffer.concat(operations.map(encoded));
      const what = `${operations[0]?.kind} ${operations[0]?.path}`;
      const { result, bytes } = await jobs.run({ kind: JobKind.files, request, fds: [], what });
      checkedShim(result, "job", what);
      return outcomesIn(bytes);
    },
    async exchangeAside(fd, { datagram, first, last, other, timeoutMs }, what) {
      const head = Buffer.from(Uint32Array.of(first, last, other, timeoutMs).buffer);
      const request = Buffer.concat([head, datagram]);
      const { result, bytes } = await jobs.run({ kind: JobKind.netlink, request, fds: [fd], what });
      checkedShim(result, "netlink", what);
      return bytes;
    },
    async netlinkAside(netns, protocol) {
      const close = ({ result }: { readonly result: number }) => {
        if (result >= 0) calls.libc.close(result);
      };
      const request = Buffer.from(Uint32Array.of(protocol).buffer);
      const what = "socket in a network namespace";
      const { result } = await jobs.run({ kind: JobKind.socket, request, fds: [netns], what, late: close });
      return checkedShim(result, "socket", what) as Fd;
    },
    async spawnDetached(executable, argv, fds) {
      const request = Buffer.concat([
        Buffer.from(Uint32Array.of(argv.length).buffer),
        cStrings(argv, "argument"),
        Buffer.of(0),
      ]);
      // A process that is not waited for any more.
      const late = ({ result }: { readonly result: number }) => {
        if (result > 0) calls.libc.kill(result, SIGKILL);
      };
      const what = `start of ${argv[0]}`;
      const { result, bytes } = await jobs.run({
        kind: JobKind.spawn,
        request: new Uint8Array(request),
        fds: [executable, ...fds],
        what,
        late,
      });
      if (result < 0) throw failureOf(result, bytes, "spawn");
      return result as Pid;
    },
  };
}

function encoded(operation: FileOperation): Buffer {
  const { first, second, data, whatever } = parametersOf(operation);
  const path = cStrings([operation.path], "path");
  const head = Buffer.alloc(headBytes);
  const fields = [numbers[operation.kind], first, second, path.length, data.length, whatever ? 1 : 0];
  for (const [index, field] of fields.entries()) head.writeUInt32LE(field >>> 0, 4 * index);
  return Buffer.concat([head, path, data]);
}

interface Parameters {
  readonly first: number;
  readonly second: number;
  readonly data: Uint8Array;
  readonly whatever: boolean;
}

const none: Parameters = { first: 0, second: 0, data: new Uint8Array(0), whatever: false };

function parametersOf(operation: FileOperation): Parameters {
  switch (operation.kind) {
    case "mkdir":
      return { ...none, first: operation.mode };
    case "write":
      return { ...none, data: Buffer.from(cString(operation.text, "value")) };
    case "read":
      if (operation.expected === undefined) return none;
      return { ...none, second: 1, data: Buffer.from(operation.expected) };
    case "exists":
      return { ...none, first: operation.expected ? 1 : 0 };
    case "chown":
      return { ...none, first: operation.uid, second: operation.gid };
    case "umount":
      return { ...none, first: operation.flags, whatever: true };
    case "devices":
      return { ...none, data: operation.program };
    case "rmdir":
    case "directories":
    case "unlink":
      return none;
  }
}

function outcomesIn(bytes: Uint8Array): readonly FileOutcome[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const outcomes: FileOutcome[] = [];
  for (let at = 0; at < bytes.length; ) {
    const result = view.getInt32(at, true);
    const end = at + 8 + view.getUint32(at + 4, true);
    outcomes.push({ errno: result < 0 ? -result : 0, value: Math.max(result, 0), bytes: bytes.subarray(at + 8, end) });
    at = end;
  }
  return outcomes;
}
