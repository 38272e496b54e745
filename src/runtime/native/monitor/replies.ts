import type { ContainerId } from "../../../ids/object-id.ts";
import { parseContainerId } from "../../../ids/object-id.ts";
import type { Pid } from "../../../ids/process.ts";
import type { UnixNanos } from "../../../ids/units.ts";
import type { ContainerExit, KeptContainer, SandboxSetupResult, StartResult } from "../../port.ts";
import { describeFailure, readFailure } from "./launch-failure.ts";
import { WireReader } from "./wire-reader.ts";

/** Payloads of the monitor's answers and events, as ffi/wire/protocol.h lists them. */

export interface Greeting {
  readonly magic: number;
  /** To be spoken. */
  readonly version: number;
  readonly pid: Pid;
  readonly sandboxId: string;
  /** What its executable is called; monitors tell it since version 3. */
  readonly build: string | undefined;
}

export function readGreeting(payload: Uint8Array): Greeting {
  const reader = new WireReader(payload);
  const magic = reader.u32();
  const version = reader.u16();
  reader.u16();
  const common = { magic, version, pid: reader.u32() as Pid, sandboxId: reader.string() };
  const greeting = { ...common, build: version < 3 ? undefined : reader.string() };
  reader.end();
  return greeting;
}

/** Of a renewal: what the executable that goes on is called. */
export function readRenewed(payload: Uint8Array): string {
  const reader = new WireReader(payload);
  const build = reader.string();
  reader.end();
  return build;
}

export function readSetupResult(payload: Uint8Array): SandboxSetupResult {
  const reader = new WireReader(payload);
  const initPid = reader.u32();
  const warnings = readWarnings(reader);
  reader.end();
  return { initPid: initPid === 0 ? undefined : (initPid as Pid), warnings };
}

export function readStartResult(payload: Uint8Array): StartResult {
  const reader = new WireReader(payload);
  const pid = reader.u32() as Pid;
  const startedAtNs = reader.u64() as UnixNanos;
  const warnings = readWarnings(reader);
  reader.end();
  return { pid, startedAtNs, warnings };
}

export function readList(payload: Uint8Array): readonly KeptContainer[] {
  const reader = new WireReader(payload);
  const containers = Array.from({ length: reader.u32() }, () => readContainer(reader));
  reader.end();
  return containers;
}

export function readExit(payload: Uint8Array): ContainerExit {
  const reader = new WireReader(payload);
  const exit = readExitFields(reader, parseContainerId(reader.string()));
  reader.end();
  return exit;
}

export function readExecExit(payload: Uint8Array): { id: string; exitCode: number; signal: number } {
  const reader = new WireReader(payload);
  const exit = { id: reader.string(), exitCode: reader.u8(), signal: reader.u8() };
  reader.end();
  return exit;
}

export function readId(payload: Uint8Array): string {
  const reader = new WireReader(payload);
  const id = reader.string();
  reader.end();
  return id;
}

function readWarnings(reader: WireReader): readonly string[] {
  return Array.from({ length: reader.u32() }, () => describeFailure(readFailure(reader)));
}

function readContainer(reader: WireReader): KeptContainer {
  const id = parseContainerId(reader.string());
  const pid = reader.u32() as Pid;
  const startedAtNs = reader.u64() as UnixNanos;
  const droppedLogBytes = reader.u64();
  const exited = reader.u8() !== 0;
  const exit = readExitFields(reader, id);
  return { id, pid, startedAtNs, droppedLogBytes, exit: exited ? exit : undefined };
}

function readExitFields(reader: WireReader, id: ContainerId): ContainerExit {
  return {
    id,
    exitCode: reader.u8(),
    signal: reader.u8(),
    oomKilled: reader.u8() !== 0,
    finishedAtNs: reader.u64() as UnixNanos,
  };
}
