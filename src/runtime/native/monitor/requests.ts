import { invalidArgument } from "../../../errors/crib-error.ts";
import type { SpecIdMapping } from "../../../oci/runtime-spec.ts";
import type { ContainerAttach } from "../../port.ts";
import { encodePlan } from "../plan/encode.ts";
import { WireWriter } from "../plan/wire-writer.ts";
import { protocol } from "../wire-numbers.ts";
import type { ExecRequest, MonitorSetup, StartRequest } from "./port.ts";
import type { VersionRange } from "./protocol-version.ts";

/** Payloads of requests, as ffi/wire/protocol.h lists them. */

/** A single version in the form that a monitor of version 1 knows. */
export function helloPayload({ oldest, newest }: VersionRange): Uint8Array {
  const exact = oldest === newest;
  return new WireWriter()
    .u32(protocol.magic)
    .u8(newest)
    .u8(exact ? 0 : oldest)
    .u16(0)
    .written();
}

export function unsharePayload(flags: number): Uint8Array {
  return new WireWriter().u64(BigInt(flags >>> 0)).written();
}

export function setupPayload(setup: MonitorSetup): Uint8Array {
  const out = new WireWriter();
  out.u64(BigInt(setup.unshare >>> 0)).string(setup.hostname ?? "");
  out.bool(setup.loopback).bool(setup.pidInit).u32(setup.sysctls.length);
  for (const { key, value } of setup.sysctls) out.string(key).string(value);
  writeIdMap(out, setup.userNamespace?.uids ?? []);
  writeIdMap(out, setup.userNamespace?.gids ?? []);
  return out.written();
}

function writeIdMap(out: WireWriter, map: readonly SpecIdMapping[]): void {
  out.u32(map.length);
  for (const { containerID, hostID, size } of map) out.u32(containerID).u32(hostID).u32(size);
}

/** Monitors have taken a deadline since version 2. */
function writeDeadline(out: WireWriter, version: number, timeoutMs: number | undefined): WireWriter {
  return version < 2 || timeoutMs === undefined
    ? out
    : out.u32(Math.min(Math.max(1, Math.ceil(timeoutMs)), 0xffffffff));
}

export function startPayload(request: StartRequest, version: number): Uint8Array {
  const out = new WireWriter();
  out.string(request.id).bool(request.terminal).bool(request.stdin).bool(request.stdinOnce);
  out.string(request.logPath ?? "").string(request.oomFile ?? "");
  return writeDeadline(out.bytes(encodePlan(request.plan)), version, request.timeoutMs).written();
}

export function execPayload(request: ExecRequest, version: number): Uint8Array {
  const out = new WireWriter();
  out.string(request.id).string(request.containerId).bool(request.terminal).bool(request.stdin);
  return writeDeadline(out.bytes(encodePlan(request.plan)), version, request.timeoutMs).written();
}

export function attachPayload(request: ContainerAttach): Uint8Array {
  return new WireWriter()
    .string(request.containerId)
    .bool(request.stdin)
    .bool(request.stdout)
    .bool(request.stderr)
    .written();
}

export function idPayload(id: string): Uint8Array {
  return new WireWriter().string(id).written();
}

export function mutePayload(id: string, stream: "stdout" | "stderr"): Uint8Array {
  return new WireWriter()
    .string(id)
    .u8(stream === "stdout" ? 1 : 2)
    .written();
}

export function signalPayload(id: string, signal: number): Uint8Array {
  if (!Number.isInteger(signal) || signal < 1 || signal > 64) throw invalidArgument(`signal ${signal} is not in 1–64`);
  return new WireWriter().string(id).u32(signal).written();
}

export function resizePayload(id: string, columns: number, rows: number): Uint8Array {
  return new WireWriter().string(id).u16(columns).u16(rows).written();
}

/** What stands before the bytes in a stdin request's payload. */
export function stdinPrefix(id: string, length: number): Uint8Array {
  return new WireWriter().string(id).u32(length).written();
}
