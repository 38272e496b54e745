import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import { type PortMappingSchema, Protocol } from "../../gen/runtime/v1/api_pb.ts";
import { parseWholeNumber } from "../parse/whole-number.ts";

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ["tcp", Protocol.TCP],
  ["udp", Protocol.UDP],
  ["sctp", Protocol.SCTP],
]);

/** `8080:80`, `127.0.0.1:8080:80/tcp`, `[::1]:53:53/udp` → a CRI port mapping. @throws {CribError} invalid-argument. */
export function parsePort(text: string): MessageInitShape<typeof PortMappingSchema> {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(\d+):(\d+)(?:\/([a-z]+))?$/.exec(text);
  const protocol = protocols.get(match?.[4] ?? "tcp");
  if (match === null || protocol === undefined) {
    throw invalidArgument(`port ${JSON.stringify(text)} is not [ip:]host:container[/tcp|udp|sctp]`);
  }
  return {
    protocol,
    hostIp: (match[1] ?? "").replace(/^\[|\]$/g, ""),
    hostPort: parseWholeNumber(match[2] ?? "", "host port", 1, 65_535),
    containerPort: parseWholeNumber(match[3] ?? "", "container port", 1, 65_535),
  };
}
