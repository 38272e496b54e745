import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { BuiltImage } from "../fixtures/image-builder.ts";
import { pushImage } from "../fixtures/push-image.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { buildTestImages, type TestImageName } from "../fixtures/test-images.ts";
import { waitUntil } from "./wait-until.ts";
import { openWorkspace } from "./workspace.ts";

/** A real registry server on a loopback port of its own, filled with the test images. */
export interface Registry {
  /** "127.0.0.1:PORT". */
  readonly host: string;
  /** Directory in `certs.d` layout that makes engines use plain HTTP for `host`. */
  readonly hostsDir: string;
  readonly images: ReadonlyMap<TestImageName, BuiltImage>;
  /** The tag reference of a test image: "127.0.0.1:PORT/test/NAME:1". */
  reference(name: TestImageName): string;
  image(name: TestImageName): BuiltImage;
  push(name: string, tag: string, image: BuiltImage): Promise<string>;
  stop(): Promise<void>;
}

let shared: Promise<Registry> | undefined;

/** The run's registry: started by whoever asks first, ends with the process. */
export function sharedRegistry(): Promise<Registry> {
  shared ??= startRegistry();
  return shared;
}

/** Starts Debian's docker-registry. It dies with this process, whatever ends it. */
export async function startRegistry(): Promise<Registry> {
  const binary = Bun.which("docker-registry");
  if (binary === null) throw new Error("docker-registry is not on PATH: apt-get install docker-registry");
  const workspace = openWorkspace("registry");
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = join(workspace.path, "config.yml");
  writeFileSync(
    config,
    [
      "version: 0.1",
      "log: {level: error, accesslog: {disabled: true}}",
      `storage: {filesystem: {rootdirectory: ${workspace.path}/data}, delete: {enabled: true}}`,
      `http: {addr: "${host}"}`,
      "",
    ].join("\n"),
  );
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", binary, "serve", config], {
    stdin: "ignore",
    stdout: Bun.file(join(workspace.path, "registry.log")),
    stderr: Bun.file(join(workspace.path, "registry.err")),
  });
  await waitUntil(async () => (await fetch(`http://${host}/v2/`)).ok, { what: `registry answers on ${host}` });

  const images = buildTestImages(buildStaticBinary("pause", workspace.path));
  for (const [name, image] of images) await pushImage(host, `test/${name}`, "1", image);
  const hostsDir = join(workspace.path, "certs.d");
  mkdirSync(join(hostsDir, host), { recursive: true });
  writeFileSync(
    join(hostsDir, host, "hosts.toml"),
    `server = "http://${host}"\n\n[host."http://${host}"]\ncapabilities = ["pull", "resolve"]\n`,
  );
  return {
    host,
    hostsDir,
    images,
    reference: (name) => `${host}/test/${name}:1`,
    image(name) {
      const image = images.get(name);
      if (image === undefined) throw new Error(`no test image ${name}`);
      return image;
    },
    async push(name, tag, image) {
      await pushImage(host, name, tag, image);
      return `${host}/${name}:${tag}`;
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
      workspace.remove();
    },
  };
}

/** A TCP port nobody listens on, as the kernel hands them out. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(address)));
  });
  return promise;
}
