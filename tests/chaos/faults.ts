// A table, over 300 lines for the number of its rows.
import { gzipSync } from "node:zlib";
import type { ErrorCode } from "../../src/errors/error-code.ts";
import { drippingReply, errorReply, stalledReply, startBreakingServer, webPage } from "../fixtures/chaos-registry.ts";
import type { ChaosBed } from "./chaos-bed.ts";

/** One way in which a registry, a mirror or what lies between can fail. */
export interface Fault {
  readonly name: string;
  /** Makes it. @returns the reference to pull; the bed's own by default. */
  make(bed: ChaosBed): string | undefined;
  readonly ends: ErrorCode | "pulled";
  /** One of the few that the gate tries; `npm run chaos` tries all. */
  readonly inGate?: true;
}

const mebibyte = new Uint8Array(1 << 20).fill(0x20);
/** A body that ends after `mebibytes`, made as it is read. */
function hugeBody(mebibytes: number): ReadableStream<Uint8Array> {
  let left = mebibytes;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(mebibyte);
      else controller.close();
    },
  });
}
const chunked = (bytes: Uint8Array): Response =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    }),
  );
const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, 800_000);
const status =
  (code: number): Fault["make"] =>
  (bed) => {
    bed.registry.intercept = () => errorReply(code, "CHAOS", { "retry-after": "0" });
    return undefined;
  };
/** What `answer` says to a range, after a first answer that stalled in the middle. */
const afterHalf =
  (answer: (bytes: Uint8Array, offset: number) => Response): Fault["make"] =>
  (bed) => {
    let first = true;
    bed.onLayer(({ headers }) => {
      const range = /^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1];
      if (range !== undefined) return answer(bed.layer.bytes, Number(range));
      if (!first) return new Response(bed.layer.bytes);
      first = false;
      return stalledReply(bed.layer.bytes, 800_000);
    });
    return undefined;
  };
/** Everything but the registry's own connection: a server of raw TCP at the reference's address. */
const rawServer = (
  bed: ChaosBed,
  onRequest: (socket: { write(text: string): unknown; end(): unknown }, free: (stop: () => void) => void) => void,
): string => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => onRequest(socket, (stop) => bed.defer(stop)) },
  });
  bed.defer(() => server.stop(true));
  return `127.0.0.1:${server.port}/r:1`;
};
const bearer = (host: string): Record<string, string> => ({
  "www-authenticate": `Bearer realm="http://${host}/token"`,
});
const descriptor = (mediaType: string, size: unknown = 5) => ({
  mediaType,
  digest: `sha256:${"1".repeat(64)}`,
  size,
});
const manifestOf = (config: object, layers: readonly object[]): string =>
  JSON.stringify({ schemaVersion: 2, config, layers });
const ociConfig = "application/vnd.oci.image.config.v1+json";
const ociLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
const ociIndex = "application/vnd.oci.image.index.v1+json";

export const faults: readonly Fault[] = [
  {
    name: "connection reset in each blob answer",
    ends: "unavailable",
    make(bed) {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bed.layer.bytes.length}\r\n\r\n`;
      const breaking = startBreakingServer(() => head, bed.layer.bytes.subarray(0, 100_000));
      bed.defer(() => breaking[Symbol.dispose]());
      bed.onLayer(() => Response.redirect(`${breaking.origin}/blob`, 307));
      return undefined;
    },
  },
  {
    name: "connection reset once",
    ends: "pulled",
    make(bed) {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${bed.layer.bytes.length}\r\n\r\n`;
      const breaking = startBreakingServer(() => head, half(bed.layer.bytes));
      bed.defer(() => breaking[Symbol.dispose]());
      bed.onLayer(({ headers }) =>
        headers.has("range") ? undefined : Response.redirect(`${breaking.origin}/blob`, 307),
      );
      return undefined;
    },
  },
  {
    name: "connection closed without an answer",
    ends: "unavailable",
    make: (bed) => rawServer(bed, (socket) => void socket.end()),
  },
  {
    name: "an answer that is not HTTP",
    ends: "unavailable",
    make: (bed) =>
      rawServer(bed, (socket) => {
        socket.write("SSH-2.0-chaos\r\n\r\n\r\n");
        socket.end();
      }),
  },
  {
    name: "headers at a byte a moment",
    inGate: true,
    ends: "unavailable",
    make: (bed) =>
      rawServer(bed, (socket, defer) => {
        const text = `HTTP/1.1 200 OK\r\nX-Slow: ${"x".repeat(10_000)}\r\n\r\n`;
        let at = 0;
        const timer = setInterval(() => socket.write(text[at++] ?? "x"), 100);
        defer(() => clearInterval(timer));
      }),
  },
  {
    name: "manifest stalls",
    ends: "unavailable",
    make: (bed) => void bed.on("manifests", () => new Promise(() => undefined)),
  },
  {
    name: "blob stalls in its middle, each time",
    ends: "unavailable",
    make: (bed) => void bed.onLayer(() => stalledReply(bed.layer.bytes, 1000)),
  },
  {
    name: "manifest at 1 byte/s",
    ends: "unavailable",
    make: (bed) => void bed.on("manifests", () => drippingReply(bed.image.manifest.bytes, 1000)),
  },
  {
    name: "manifest at 20 bytes/s",
    inGate: true,
    ends: "unavailable",
    make: (bed) => void bed.on("manifests", () => drippingReply(bed.image.manifest.bytes, 50)),
  },
  {
    name: "blob at 1 byte/s",
    ends: "unavailable",
    make: (bed) => void bed.onLayer(() => drippingReply(bed.layer.bytes, 1000)),
  },
  {
    name: "blob at 20 bytes/s",
    ends: "unavailable",
    make: (bed) => void bed.onLayer(() => drippingReply(bed.layer.bytes, 50)),
  },
  {
    name: "short blob, its length announced",
    ends: "data-loss",
    make: (bed) => void bed.onLayer(() => new Response(half(bed.layer.bytes))),
  },
  {
    name: "short blob, no length announced",
    inGate: true,
    ends: "data-loss",
    make: (bed) => void bed.onLayer(() => chunked(half(bed.layer.bytes))),
  },
  {
    name: "long blob, its length announced",
    ends: "data-loss",
    make: (bed) => void bed.onLayer(() => new Response(Buffer.concat([bed.layer.bytes, mebibyte]))),
  },
  {
    name: "blob without end",
    inGate: true,
    ends: "data-loss",
    make: (bed) => void bed.onLayer(() => new Response(hugeBody(100_000))),
  },
  {
    name: "wrong bytes under the digest",
    ends: "data-loss",
    make: (bed) => void bed.onLayer(() => new Response(bed.layer.bytes.with(9000, (bed.layer.bytes[9000] ?? 0) ^ 1))),
  },
  {
    name: "wrong bytes under the digest, once",
    inGate: true,
    ends: "pulled",
    make(bed) {
      let first = true;
      bed.onLayer(() => {
        const damaged = first ? new Response(bed.layer.bytes.with(9000, (bed.layer.bytes[9000] ?? 0) ^ 1)) : undefined;
        first = false;
        return damaged;
      });
      return undefined;
    },
  },
  {
    name: "manifest under a wrong digest",
    ends: "data-loss",
    make: (bed) =>
      void bed.on(
        "manifests",
        () =>
          new Response(bed.image.manifest.bytes, {
            headers: { "docker-content-digest": `sha256:${"0".repeat(64)}`, "content-type": bed.image.mediaType },
          }),
      ),
  },
  { name: "web page for a manifest", ends: "unavailable", make: (bed) => void bed.on("manifests", () => webPage()) },
  {
    name: "web page for a manifest, called JSON",
    inGate: true,
    ends: "unavailable",
    make: (bed) => void bed.on("manifests", () => webPage({ "content-type": "application/json" })),
  },
  { name: "web page for a blob", ends: "unavailable", make: (bed) => void bed.onLayer(() => webPage()) },
  { name: "401", ends: "unauthenticated", make: status(401) },
  { name: "403", ends: "permission-denied", make: status(403) },
  { name: "404", ends: "not-found", make: status(404) },
  { name: "429", ends: "unavailable", make: status(429) },
  { name: "500", ends: "unavailable", make: status(500) },
  { name: "502", ends: "unavailable", make: status(502) },
  { name: "503", ends: "unavailable", make: status(503) },
  {
    name: "503 with Retry-After of a year",
    ends: "unavailable",
    make: (bed) => void bed.on("manifests", () => errorReply(503, "BUSY", { "retry-after": "999999" })),
  },
  {
    name: "503 with a body of 1 GiB",
    inGate: true,
    ends: "unavailable",
    make: (bed) =>
      void bed.on("manifests", () => new Response(hugeBody(1024), { status: 503, headers: { "retry-after": "0" } })),
  },
  {
    name: "redirects in a circle",
    ends: "unavailable",
    make(bed) {
      bed.registry.intercept = ({ url }) => Response.redirect(url.href, 307);
      return undefined;
    },
  },
  {
    name: "redirect to a file",
    ends: "failed-precondition",
    make: (bed) =>
      void bed.on("manifests", () => new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } })),
  },
  {
    name: "token endpoint redirects in a circle",
    inGate: true,
    ends: "unavailable",
    make(bed) {
      bed.registry.intercept = ({ url }) =>
        url.pathname === "/token"
          ? Response.redirect(url.href, 307)
          : errorReply(401, "WHO", bearer(bed.registry.host));
      return undefined;
    },
  },
  {
    name: "each token is refused",
    ends: "unauthenticated",
    make(bed) {
      bed.registry.intercept = ({ url }) =>
        url.pathname === "/token"
          ? Response.json({ token: crypto.randomUUID() })
          : errorReply(401, "WHO", bearer(bed.registry.host));
      return undefined;
    },
  },
  {
    name: "token of 1 GiB",
    ends: "data-loss",
    make(bed) {
      bed.registry.intercept = ({ url }) =>
        url.pathname === "/token" ? new Response(hugeBody(1024)) : errorReply(401, "WHO", bearer(bed.registry.host));
      return undefined;
    },
  },
  {
    name: "gzip encoding of everything",
    ends: "pulled",
    make(bed) {
      bed.registry.intercept = ({ kind, name }) => {
        const bytes = kind === "manifests" ? bed.image.manifest.bytes : bed.registry.blob(name);
        const headers = { "content-encoding": "gzip", "content-type": bed.image.mediaType };
        return new Response(gzipSync(bytes), { headers });
      };
      return undefined;
    },
  },
  {
    name: "gzip encoding of a manifest of 1 GiB",
    inGate: true,
    ends: "data-loss",
    make(bed) {
      const packed = Buffer.concat(Array.from({ length: 1024 }, () => gzipSync(mebibyte)));
      bed.on("manifests", () => new Response(packed, { headers: { "content-encoding": "gzip" } }));
      return undefined;
    },
  },
  { name: "half a blob, then 416", inGate: true, ends: "pulled", make: afterHalf(() => errorReply(416, "RANGE")) },
  { name: "half a blob, then 400", ends: "pulled", make: afterHalf(() => errorReply(400, "RANGE")) },
  {
    name: "half a blob, then 206 without Content-Range",
    ends: "pulled",
    make: afterHalf((bytes, offset) => new Response(bytes.subarray(offset), { status: 206 })),
  },
  {
    name: "half a blob, then another range",
    ends: "pulled",
    make: afterHalf(
      (bytes) =>
        new Response(bytes.subarray(5), {
          status: 206,
          headers: { "content-range": `bytes 5-${bytes.length - 1}/${bytes.length}` },
        }),
    ),
  },
  {
    name: "half a blob, then a range that lies",
    inGate: true,
    ends: "pulled",
    make: afterHalf(
      (bytes, offset) =>
        new Response(bytes.subarray(0, bytes.length - offset), {
          status: 206,
          headers: { "content-range": `bytes ${offset}-${bytes.length - 1}/${bytes.length}` },
        }),
    ),
  },
  {
    name: "manifest of 1 GiB",
    inGate: true,
    ends: "data-loss",
    make: (bed) => void bed.on("manifests", () => new Response(hugeBody(1024))),
  },
  { name: "manifest a million brackets deep", ends: "unavailable", make: (bed) => void bed.manifest("[".repeat(1e6)) },
  {
    name: "manifest a million objects deep",
    inGate: true,
    ends: "data-loss",
    make: (bed) => void bed.manifest('{"a":'.repeat(8e5)),
  },
  {
    name: "manifest of 250,000 keys",
    inGate: true,
    ends: "data-loss",
    make: (bed) => void bed.manifest(`{${Array.from({ length: 250_000 }, (_unused, i) => `"k${i}":1`).join(",")}}`),
  },
  {
    name: "manifest of 400,000 layers' brackets",
    ends: "data-loss",
    make: (bed) => void bed.manifest(`{"schemaVersion":2,"config":{},"layers":[${"{},".repeat(400_000)}{}]}`),
  },
  {
    name: "config of 1 GiB, as announced",
    ends: "failed-precondition",
    make: (bed) => void bed.manifest(manifestOf(descriptor(ociConfig, 2 ** 30), [descriptor(ociLayer)])),
  },
  {
    name: "negative size",
    ends: "data-loss",
    make: (bed) => void bed.manifest(manifestOf(descriptor(ociConfig), [descriptor(ociLayer, -1)])),
  },
  {
    name: "short digest",
    ends: "data-loss",
    make: (bed) =>
      void bed.manifest(manifestOf(descriptor(ociConfig), [{ ...descriptor(ociLayer), digest: "sha256:12" }])),
  },
  {
    name: "index of 10,001 manifests",
    ends: "failed-precondition",
    make: (bed) =>
      void bed.on("manifests", () =>
        Response.json(
          {
            schemaVersion: 2,
            mediaType: ociIndex,
            manifests: Array.from({ length: 10_001 }, () => descriptor(bed.image.mediaType)),
          },
          { headers: { "content-type": ociIndex } },
        ),
      ),
  },
  {
    name: "dead mirror",
    ends: "pulled",
    make(bed) {
      bed.mirror[Symbol.dispose]();
      return bed.mirrored;
    },
  },
  {
    name: "mirror that stalls",
    inGate: true,
    ends: "pulled",
    make(bed) {
      bed.mirror.intercept = () => new Promise(() => undefined);
      return bed.mirrored;
    },
  },
  {
    name: "mirror that asks for a login",
    ends: "pulled",
    make(bed) {
      bed.mirror.intercept = () => errorReply(401, "WHO", { "www-authenticate": "Basic" });
      return bed.mirrored;
    },
  },
  {
    name: "mirror with a web page for everything",
    ends: "pulled",
    make(bed) {
      bed.mirror.intercept = () => webPage();
      return bed.mirrored;
    },
  },
  {
    name: "mirror with other bytes under the digest",
    inGate: true,
    ends: "pulled",
    make(bed) {
      bed.onLayer(() => new Response(bed.layer.bytes.with(9000, 7).with(9001, 7)), bed.mirror);
      return bed.mirrored;
    },
  },
  {
    name: "mirror with a short blob",
    inGate: true,
    ends: "pulled",
    make(bed) {
      bed.onLayer(() => chunked(half(bed.layer.bytes)), bed.mirror);
      return bed.mirrored;
    },
  },
  {
    name: "mirror with a web page in place of a blob, called a blob",
    ends: "pulled",
    make(bed) {
      bed.onLayer(() => webPage({ "content-type": "application/octet-stream" }), bed.mirror);
      return bed.mirrored;
    },
  },
];
