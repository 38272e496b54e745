import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DescField, DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import { create, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { CribError } from "../../errors/crib-error.ts";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.ts";
import { checkMessage } from "./check-message.ts";

/** Bad input is refused in every string field of every RPC: the fields are read off the descriptors, none is forgotten. */

interface StringField {
  readonly rpc: DescMethod;
  /** As the error names it: `config.metadata.name`, `config.mounts[0].host_path`, `key of config.labels`. */
  readonly path: string;
  /** A request with this value in this field and nothing else. */
  readonly make: (value: string) => Message;
}

type Place = (value: string) => unknown;

function stringFields(message: DescMessage, prefix: string): { readonly path: string; readonly place: Place }[] {
  const named = (field: DescField) => (prefix === "" ? field.name : `${prefix}.${field.name}`);
  const within = (
    field: DescField,
    inner: readonly { readonly path: string; readonly place: Place }[],
    wrap: (value: unknown) => unknown,
  ) =>
    inner.map(({ path, place }) => ({ path, place: (value: string) => ({ [field.localName]: wrap(place(value)) }) }));
  const itself = (path: string) => [{ path, place: (value: string): unknown => value }];

  return message.fields.flatMap((field) => {
    const path = named(field);
    switch (field.fieldKind) {
      case "scalar":
        return field.scalar === ScalarType.STRING ? within(field, itself(path), (value) => value) : [];
      case "message":
        return within(field, stringFields(field.message, path), (value) => value);
      case "list":
        if (field.listKind === "message")
          return within(field, stringFields(field.message, `${path}[0]`), (value) => [value]);
        return field.listKind === "scalar" && field.scalar === ScalarType.STRING
          ? within(field, itself(`${path}[0]`), (value) => [value])
          : [];
      case "map":
        return [
          ...within(field, itself(`${path}["k"]`), (value) => ({ k: value })),
          ...within(field, itself(`key of ${path}`), (value) => ({ [String(value)]: "v" })),
        ];
      default:
        return [];
    }
  });
}

const rpcs = [...RuntimeService.methods, ...ImageService.methods];
const fields: readonly StringField[] = rpcs.flatMap((rpc) =>
  stringFields(rpc.input, "").map(({ path, place }) => ({
    rpc,
    path,
    make: (value) => create(rpc.input, place(value) as Record<string, never>),
  })),
);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function call({ rpc, make }: StringField, value: string): Promise<ConnectError | undefined> {
  const client: object = rpc.parent === RuntimeService ? server.runtime : server.image;
  const invoke = Reflect.get(client, rpc.localName) as (request: Message) => unknown;
  try {
    const outcome = invoke(make(value));
    if (rpc.methodKind === "unary") await outcome;
    else for await (const _message of outcome as AsyncIterable<unknown>);
    return undefined;
  } catch (error) {
    return ConnectError.from(error);
  }
}

test("the table is not empty by accident", () => {
  expect(fields.length).toBeGreaterThan(250);
  expect(fields.map(({ rpc, path }) => `${rpc.name} ${path}`)).toContain(
    "CreateContainer config.mounts[0].image.image",
  );
  expect(new Set(fields.map(({ rpc }) => rpc.name)).size).toBeGreaterThan(25);
});

describe("every string field of every RPC", () => {
  test("refuses a NUL byte, naming the field", async () => {
    for (const field of fields) {
      const error = await call(field, "a\0b");
      const where = `${field.rpc.name} ${field.path}`;
      expect([where, error?.code, error?.rawMessage]).toEqual([
        where,
        Code.InvalidArgument,
        `${field.path} contains a NUL byte`,
      ]);
    }
  });

  test("refuses 1 MiB, naming the field and the limit", async () => {
    const huge = "x".repeat(1024 * 1024);
    for (const field of fields) {
      const error = await call(field, huge);
      const where = `${field.rpc.name} ${field.path}`;
      expect([where, error?.code, error?.rawMessage]).toEqual([
        where,
        Code.InvalidArgument,
        expect.stringMatching(/ is 1048576 bytes long, the limit is [0-9]+$/) as unknown as string,
      ]);
    }
  }, 60_000);

  test("survives text of every kind without an internal error", async () => {
    for (const field of fields) {
      for (const value of [
        "../../etc/passwd",
        "/",
        "__proto__",
        "constructor",
        "é€🙂\u{feff}",
        "\u{7f}\n\r\t",
        "%00",
        "-1",
        "'\"`$(x)",
      ]) {
        const error = await call(field, value);
        expect([
          field.rpc.name,
          field.path,
          value,
          error?.code === Code.Internal || error?.code === Code.Unknown,
        ]).toEqual([field.rpc.name, field.path, value, false]);
      }
    }
  }, 60_000);

  test("nothing of all that reached a pod, but for ids that exist nowhere", () => {
    const changing = server.pods.calls
      .map(([verb]) => verb)
      .filter((verb) => verb === "runSandbox" || verb === "createContainer" || verb === "execSync");
    expect(changing).toEqual([]);
  });

  test("keeps __proto__ as an ordinary key of every map", () => {
    for (const { rpc, path, make } of fields.filter((field) => field.path.startsWith("key of "))) {
      const message = make("__proto__");
      checkMessage(rpc.input, message);
      const decoded = fromBinary(rpc.input, toBinary(rpc.input, message));
      const json = JSON.stringify(decoded, (_key, value: unknown) =>
        typeof value === "bigint" ? Number(value) : value,
      );
      expect([path, json]).toEqual([path, expect.stringContaining('"__proto__":"v"') as unknown as string]);
    }
    expect(Reflect.get({}, "v")).toBeUndefined();
  });
});

describe("checkMessage()", () => {
  test("bounds lists and maps", () => {
    const listMany = create(RuntimeService.method.execSync.input, { cmd: Array<string>(20_000).fill("x") });
    expect(() => checkMessage(RuntimeService.method.execSync.input, listMany)).toThrow("cmd has 20000 entries");
    const labels = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, "v"]));
    const mapMany = create(RuntimeService.method.runPodSandbox.input, { config: { labels } });
    expect(() => checkMessage(RuntimeService.method.runPodSandbox.input, mapMany)).toThrow(
      "config.labels has 20000 entries",
    );
  });

  test("counts bytes, not characters", () => {
    const request = (id: string) => create(RuntimeService.method.startContainer.input, { containerId: id });
    expect(() => checkMessage(RuntimeService.method.startContainer.input, request("x".repeat(4096)))).not.toThrow();
    expect(() => checkMessage(RuntimeService.method.startContainer.input, request("é".repeat(4096)))).toThrow(
      "8192 bytes",
    );
  });

  test("lets what is large for a reason pass", () => {
    const annotations = { note: "x".repeat(200_000) };
    checkMessage(
      RuntimeService.method.runPodSandbox.input,
      create(RuntimeService.method.runPodSandbox.input, { config: { annotations } }),
    );
    checkMessage(
      RuntimeService.method.execSync.input,
      create(RuntimeService.method.execSync.input, { cmd: ["x".repeat(131_000)] }),
    );
  });

  test.each(rpcs.map(({ input }) => [input.name, input] as const))("accepts an empty %s", (_name, input) => {
    expect(() => checkMessage(input, create(input))).not.toThrow(CribError);
  });
});
