import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ExecSyncResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import { encodingOf } from "./encoded.ts";
import { toExecSyncResponse } from "./exec-result.ts";

const text = (length: number) => new Uint8Array(length).map((_, index) => index);

test.each([
  { stdout: text(0), stderr: text(0), exitCode: 0 },
  { stdout: text(3), stderr: text(0), exitCode: 0 },
  { stdout: text(0), stderr: text(5), exitCode: 127 },
  { stdout: text(70_000), stderr: text(300), exitCode: 255 },
])("an exec's reply in pieces is the reply: %#", (result) => {
  const response = toExecSyncResponse(result);
  const sent = Buffer.concat([...(encodingOf(response) ?? [])]);
  const expected = create(ExecSyncResponseSchema, result);
  expect(fromBinary(ExecSyncResponseSchema, sent)).toEqual(expected);
  expect(toBinary(ExecSyncResponseSchema, response)).toEqual(toBinary(ExecSyncResponseSchema, expected));
});
