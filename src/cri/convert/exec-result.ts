import { create, toBinary } from "@bufbuild/protobuf";
import type { ExecSyncResponse } from "../../gen/runtime/v1/api_pb.ts";
import { ExecSyncResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ExecSyncResult } from "../../pods/port.ts";
import { encodedBytes, knownEncoding } from "./encoded.ts";

/** Up to 16 MiB of output, which goes out without being copied into a message first (CVE-2022-31030 was about its memory). */
export function toExecSyncResponse({ stdout, stderr, exitCode }: ExecSyncResult): ExecSyncResponse {
  const { field } = ExecSyncResponseSchema;
  return knownEncoding(create(ExecSyncResponseSchema, { stdout, stderr, exitCode }), [
    ...encodedBytes(field.stdout, stdout),
    ...encodedBytes(field.stderr, stderr),
    toBinary(ExecSyncResponseSchema, create(ExecSyncResponseSchema, { exitCode })),
  ]);
}
