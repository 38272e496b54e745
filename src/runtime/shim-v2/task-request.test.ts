import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import {
  CreateTaskRequestSchema,
  KillRequestSchema,
  ResizePtyRequestSchema,
  Task,
} from "../../gen/containerd/task/v3/shim_pb.ts";
import { RequestSchema } from "../../gen/ttrpc/v1/ttrpc_pb.ts";
import { containerRequests, resizeRequest, taskRequest } from "./task-request.ts";

test.each([
  [2, "containerd.task.v2.Task"],
  [3, "containerd.task.v3.Task"],
] as const)("a request of version %p names its service, method and namespace", (version, service) => {
  const bytes = taskRequest(version, Task.method.kill, { id: "a", signal: 9 });
  const request = fromBinary(RequestSchema, bytes);
  expect(request).toMatchObject({ service, method: "Kill" });
  expect(request.metadata).toMatchObject([{ key: "containerd-namespace-ttrpc", value: "k8s.io" }]);
  expect(fromBinary(KillRequestSchema, request.payload)).toMatchObject({ id: "a", signal: 9 });
});

test("the last twelve bytes of a resize are the size, as the launch writes it", () => {
  const bytes = resizeRequest(3, "a", "b");
  const write = (value: number, at: number): void => {
    for (let byte = 0; byte < 5; byte++) bytes[at + byte] = ((value >> (7 * byte)) & 0x7f) | (byte < 4 ? 0x80 : 0);
  };
  write(132, bytes.length - 11);
  write(43, bytes.length - 5);
  const { payload } = fromBinary(RequestSchema, bytes);
  expect(fromBinary(ResizePtyRequestSchema, payload)).toMatchObject({ id: "a", execId: "b", width: 132, height: 43 });
});

test.each([
  [
    { terminal: false, stdin: false },
    { stdin: "", stdout: "/b/stdout", stderr: "/b/stderr" },
  ],
  [
    { terminal: true, stdin: true },
    { stdin: "/b/stdin", stdout: "/b/stdout", stderr: "" },
  ],
])("a container with %j has its stdio by paths of its bundle", (io, paths) => {
  const requests = containerRequests(3, { id: "a", bundle: "/b" as never, ...io, options: undefined });
  const { payload } = fromBinary(RequestSchema, requests.create);
  expect(fromBinary(CreateTaskRequestSchema, payload)).toMatchObject({ id: "a", bundle: "/b", ...paths });
  expect(requests.closeStdin !== undefined).toBe(io.stdin);
  expect(requests.resize !== undefined).toBe(io.terminal);
});
