import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import { unavailable } from "../../errors/crib-error.ts";
import {
  BootstrapParamsSchema,
  BootstrapResultSchema,
} from "../../gen/containerd/runtime/bootstrap/v1/bootstrap_pb.ts";
import type { SandboxId } from "../../ids/object-id.ts";

/** Where a shim serves, and what. */
export interface ShimAddress {
  /** Of the Task service; it decides the service's name. */
  readonly version: 2 | 3;
  /** A path, or "@" and the name of an abstract socket. */
  readonly socket: string;
}

export interface BootstrapInput {
  readonly id: SandboxId;
  readonly namespace: string;
  /** Where events are taken. */
  readonly eventsAddress: string;
  /** Where the shim's socket is to be; undefined: its own choice. */
  readonly socketDirectory: string | undefined;
  readonly options: Any | undefined;
}

/**
 * What a shim reads on stdin when it is started. Those before containerd 2.3 read their options there or nothing, and take the
 * rest from arguments and environment.
 */
export function bootstrapInput(input: BootstrapInput): Uint8Array {
  return toBinary(
    BootstrapParamsSchema,
    create(BootstrapParamsSchema, {
      instanceId: input.id,
      namespace: input.namespace,
      containerdTtrpcAddress: input.eventsAddress,
      ...(input.socketDirectory !== undefined && { socketDir: input.socketDirectory }),
      extensions: input.options === undefined ? [] : [{ value: create(AnySchema, input.options) }],
    }),
  );
}

const json = z.object({ version: z.number().int(), address: z.string(), protocol: z.string().default("ttrpc") });

/**
 * What a shim answers on stdout: a message (containerd 2.3 and later), JSON (2.0), or the bare address (1.x).
 *
 * @throws {CribError} unavailable for a protocol or version that crib does not speak, and for what is no answer.
 */
export function parseBootstrap(output: Uint8Array): ShimAddress {
  const { version, address, protocol } = readAnswer(output);
  if (protocol.toLowerCase() !== "ttrpc") {
    throw unavailable(
      `the shim serves ${JSON.stringify(protocol.slice(0, 40))}: crib speaks ttrpc with shims, and nothing else yet`,
    );
  }
  if (version !== 2 && version !== 3) {
    throw unavailable(`the shim serves version ${version} of its API: crib knows 2 and 3`);
  }
  return { version, socket: socketOf(address) };
}

interface Answer {
  readonly version: number;
  readonly address: string;
  readonly protocol: string;
}

function readAnswer(output: Uint8Array): Answer {
  const text = Buffer.from(output).toString("utf8").trim();
  if (text.startsWith("{")) {
    const parsed = json.safeParse(tryJson(text));
    if (parsed.success) return parsed.data;
  }
  if (/^(unix|vsock|ttrpc|grpc)[+:]/.test(text) || text.startsWith("/")) {
    return { version: 2, address: text, protocol: "ttrpc" };
  }
  try {
    return fromBinary(BootstrapResultSchema, output);
  } catch (error) {
    throw unavailable(
      `the shim answered its start with ${JSON.stringify(text.slice(0, 200))}, which is no address`,
      error,
    );
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** "unix:///run/containerd/s/…", before that "unix://\0…" and a bare path. */
function socketOf(address: string): string {
  const path = address.replace(/^ttrpc\+/, "").replace(/^unix:\/\//, "");
  if (path.startsWith("/")) return path;
  if (path.startsWith("@") && path.length > 1) return path;
  if (path.startsWith("\0") && path.length > 1) return `@${path.slice(1)}`;
  throw unavailable(`the shim's address ${JSON.stringify(address.slice(0, 200))} is no unix socket`);
}
