import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Task } from "../../gen/containerd/task/v3/shim_pb.ts";
import { RequestSchema } from "../../gen/ttrpc/v1/ttrpc_pb.ts";
import type { HostPath } from "../../ids/path.ts";
import { specJson } from "../../oci/spec-json.ts";
import { ociProcess } from "../oci-cli/oci-document.ts";
import type { ExecLaunch } from "../port.ts";
import type { ShimAddress } from "./bootstrap.ts";
import { type ShimRequests, stdioPaths } from "./shim-plan.ts";

/** What containerd calls the space of Kubernetes' containers: tools look for gVisor's and Kata's there. */
export const shimNamespace = "k8s.io";
const namespaceKey = "containerd-namespace-ttrpc";

/** A call's service name, by the version that the shim serves. */
export function serviceName(version: ShimAddress["version"]): string {
  return version === 3 ? Task.typeName : "containerd.task.v2.Task";
}

export const requestMetadata = [{ key: namespaceKey, value: shimNamespace }];

/**
 * A request of the Task service as it stands in a frame, for the pod's monitor to send. The payload is its last field, so that
 * what changes in it (see `resizeRequest`) is at the end.
 */
export function taskRequest<I extends DescMessage, O extends DescMessage>(
  version: ShimAddress["version"],
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
): Uint8Array {
  const service = serviceName(version);
  const head = toBinary(
    RequestSchema,
    create(RequestSchema, { service, method: method.name, metadata: requestMetadata }),
  );
  const payload = toBinary(method.input, create(method.input, input));
  const tail = toBinary(RequestSchema, create(RequestSchema, { payload }));
  return Buffer.concat([head, tail]);
}

/** Tags of width and height, each with a number of five bytes in its place: ffi/init/shim.c writes the size there. */
const sizeFields = [0x18, 0x80, 0x80, 0x80, 0x80, 0x00, 0x20, 0x80, 0x80, 0x80, 0x80, 0x00];

/** A ResizePty whose last twelve bytes are the size. */
export function resizeRequest(version: ShimAddress["version"], id: string, execId: string): Uint8Array {
  const known = toBinary(Task.method.resizePty.input, create(Task.method.resizePty.input, { id, execId }));
  const payload = Buffer.concat([known, new Uint8Array(sizeFields)]);
  const head = toBinary(
    RequestSchema,
    create(RequestSchema, { service: serviceName(version), method: "ResizePty", metadata: requestMetadata }),
  );
  return Buffer.concat([head, toBinary(RequestSchema, create(RequestSchema, { payload }))]);
}

/** A container's requests, by the id and bundle that its shim knows it by. */
export function containerRequests(
  version: ShimAddress["version"],
  container: {
    readonly id: string;
    readonly bundle: HostPath;
    readonly terminal: boolean;
    readonly stdin: boolean;
    readonly options: Any | undefined;
  },
): ShimRequests {
  const { id, bundle, terminal, stdin, options } = container;
  const { method } = Task;
  const paths = stdioPaths(bundle, { terminal, stdin });
  return {
    create: taskRequest(version, method.create, {
      id,
      bundle,
      terminal,
      ...paths,
      ...(options !== undefined && { options }),
    }),
    start: taskRequest(version, method.start, { id }),
    wait: taskRequest(version, method.wait, { id }),
    end: taskRequest(version, method.delete, { id }),
    closeStdin: stdin ? taskRequest(version, method.closeIO, { id, stdin: true }) : undefined,
    resize: terminal ? resizeRequest(version, id, "") : undefined,
  };
}

const processTypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/Process";

/** A command's requests; `directory` is where its stdio is found. */
export function commandRequests(
  version: ShimAddress["version"],
  { id: execId, container, process, stdin }: ExecLaunch,
  directory: HostPath,
  leastOomScore: number | undefined,
): ShimRequests {
  const { id } = container;
  const { terminal } = process;
  const { method } = Task;
  const json = specJson(ociProcess(process, leastOomScore));
  const spec = create(AnySchema, { typeUrl: processTypeUrl, value: Buffer.from(json) });
  const paths = stdioPaths(directory, { terminal, stdin });
  return {
    create: taskRequest(version, method.exec, { id, execId, terminal, ...paths, spec }),
    start: taskRequest(version, method.start, { id, execId }),
    wait: taskRequest(version, method.wait, { id, execId }),
    end: taskRequest(version, method.delete, { id, execId }),
    closeStdin: stdin ? taskRequest(version, method.closeIO, { id, execId, stdin: true }) : undefined,
    resize: terminal ? resizeRequest(version, id, execId) : undefined,
  };
}
