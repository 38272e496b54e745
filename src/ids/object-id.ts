import { invalidArgument } from "../errors/crib-error.ts";
import type { Brand } from "./brand.ts";

/** 64 lower-case hex digits, random. */
export type SandboxId = Brand<string, "SandboxId">;
/** 64 lower-case hex digits, random. */
export type ContainerId = Brand<string, "ContainerId">;
/** 32 lower-case hex digits, random; names one exec session of one container. */
export type ExecId = Brand<string, "ExecId">;

const full = /^[0-9a-f]{64}$/;

function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}

export function newSandboxId(): SandboxId {
  return randomHex(32) as SandboxId;
}

export function newContainerId(): ContainerId {
  return randomHex(32) as ContainerId;
}

export function newExecId(): ExecId {
  return randomHex(16) as ExecId;
}

/** @throws {CribError} invalid-argument unless `text` is a whole id; prefixes are resolved by the state, not here. */
export function parseSandboxId(text: string): SandboxId {
  if (!full.test(text)) throw invalidArgument(`sandbox id ${JSON.stringify(text.slice(0, 80))} is not 64 hex digits`);
  return text as SandboxId;
}

/** @throws {CribError} invalid-argument unless `text` is a whole id. */
export function parseContainerId(text: string): ContainerId {
  if (!full.test(text)) throw invalidArgument(`container id ${JSON.stringify(text.slice(0, 80))} is not 64 hex digits`);
  return text as ContainerId;
}
