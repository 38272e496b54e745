import { invalidArgument } from "../errors/crib-error.ts";
import { type HostPath, parseHostPath } from "../ids/path.ts";

/** `sun_path` of unix(7) is 108 bytes with its NUL. */
const maxSocketPathBytes = 107;

/** `unix:///run/crib/crib.sock` or a bare absolute path. @throws {CribError} invalid-argument for anything else, TCP above all. */
export function parseListenAddress(text: string): HostPath {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text;
  if (!path.startsWith("/")) {
    throw invalidArgument(
      `listen address ${JSON.stringify(text)} is not a unix socket: write unix:///run/crib/crib.sock`,
    );
  }
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    throw invalidArgument(
      `listen address ${JSON.stringify(text)} is longer than the ${maxSocketPathBytes} bytes a unix socket may have`,
    );
  }
  return parseHostPath(path, "listen address");
}
