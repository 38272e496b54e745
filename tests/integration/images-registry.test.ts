import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ChaosRegistry, type ChaosRequest, errorReply, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { testTls } from "../fixtures/test-tls.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners.
let workspace: Workspace;
let registry: ChaosRegistry;
let other: ChaosRegistry;
let service: OpenedImages;
let image: BuiltImage;

const secret = "s3cret-pa55word";
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

beforeEach(async () => {
  workspace = openWorkspace("registries");
  registry = startChaosRegistry();
  other = startChaosRegistry();
  service = await openImages(workspace.path, {
    dockerConfig: join(workspace.path, "docker/config.json"),
    stallTimeoutMs: 5000,
  });
  image = buildImage([compressLayer(new LayerBuilder().file("f", crypto.randomUUID()).build())], {});
});

afterEach(() => {
  for (const opened of [service, registry, other]) opened[Symbol.dispose]();
  workspace.remove();
});

function hostsToml(host: string, text: string): void {
  const directory = join(workspace.path, "hosts", host);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "hosts.toml"), text);
}

function dockerConfig(document: unknown): void {
  mkdirSync(join(workspace.path, "docker"), { recursive: true });
  writeFileSync(join(workspace.path, "docker/config.json"), JSON.stringify(document));
}

const authorizations = (of: ChaosRegistry): (string | null)[] =>
  of.requests.map(({ headers }) => headers.get("authorization"));

/** A registry that wants `wanted`, and says `challenge` to everybody else. */
function demand(on: ChaosRegistry, wanted: string, challenge: string): void {
  on.intercept = ({ headers, kind }) =>
    kind !== "" && headers.get("authorization") !== wanted
      ? errorReply(401, "UNAUTHORIZED", { "www-authenticate": challenge })
      : undefined;
}

/** The token endpoint of `on`: answers `grant` with a token. */
function tokenServer(on: ChaosRegistry, grant: (request: ChaosRequest) => Response | Promise<Response>): void {
  const before = on.intercept;
  on.intercept = (request) => (request.url.pathname === "/token" ? grant(request) : before(request));
}

describe("credentials", () => {
  test("basic: sent only after the registry asks", async () => {
    demand(registry, basic("user", secret), 'Basic realm="test"');
    await service.pull(registry.add("r", "1", image), { credentials: { username: "user", password: secret } });
    expect(authorizations(registry)[0]).toBeNull();
    const wrong = await service.refusal(`${registry.host}/r:1`, {
      credentials: { username: "user", password: "wrong-word" },
    });
    expect(wrong.code).toBe("unauthenticated");
    expect(wrong.message).not.toContain("wrong-word");
  });

  test("the auth field is user:password in base64; anything else is the caller's mistake", async () => {
    demand(registry, basic("user", secret), "Basic");
    const auth = Buffer.from(`user:${secret}`).toString("base64");
    await service.pull(registry.add("r", "1", image), { credentials: { auth } });
    const refused = await service.refusal(`${registry.host}/r:1`, {
      credentials: { auth: Buffer.from(secret).toString("base64") },
    });
    expect(refused.code).toBe("invalid-argument");
    expect(JSON.stringify(refused)).not.toContain(secret);
  });

  test("bearer: a token for the scope the registry names, from the realm it names", async () => {
    demand(
      registry,
      "Bearer t0ken",
      `Bearer realm="http://${other.host}/token",service="reg.example",scope="repository:r:pull"`,
    );
    tokenServer(other, ({ url, headers }) => {
      expect(url.search).toBe("?service=reg.example&scope=repository%3Ar%3Apull");
      expect(headers.get("authorization")).toBe(basic("user", secret));
      return Response.json({ token: "t0ken", expires_in: 60 });
    });
    await service.pull(registry.add("r", "1", image), { credentials: { username: "user", password: secret } });
    expect(other.requests).toHaveLength(1);
    expect(authorizations(registry).every((value) => value === null || value === "Bearer t0ken")).toBe(true);
  });

  test("bearer: anonymous where there are no credentials", async () => {
    demand(registry, "Bearer anon", `Bearer realm="http://${registry.host}/token"`);
    tokenServer(registry, ({ headers, url }) => {
      expect([headers.get("authorization"), url.searchParams.get("scope")]).toEqual([null, "repository:r:pull"]);
      return Response.json({ access_token: "anon" });
    });
    await service.pull(registry.add("r", "1", image));
  });

  test("an identity token is exchanged by OAuth2, a registry token is sent as it is", async () => {
    demand(registry, "Bearer fresh", `Bearer realm="http://${registry.host}/token",service="s"`);
    tokenServer(registry, async ({ method, text }) => {
      expect(method).toBe("POST");
      const form = new URLSearchParams(await text());
      expect([form.get("grant_type"), form.get("refresh_token"), form.get("service")]).toEqual([
        "refresh_token",
        "ident",
        "s",
      ]);
      return Response.json({ access_token: "fresh" });
    });
    await service.pull(registry.add("r", "1", image), { credentials: { identityToken: "ident" } });
    demand(registry, "Bearer direct", `Bearer realm="http://${registry.host}/token"`);
    registry.forget();
    await service.pull(`${registry.host}/r:1`, { credentials: { registryToken: "direct" } });
    expect(registry.requests.map(({ url }) => url.pathname)).not.toContain("/token");
  });

  test("a token that expired in the middle is replaced", async () => {
    let current = 0;
    registry.intercept = ({ kind, headers }) => {
      if (kind !== "" && headers.get("authorization") !== `Bearer t${current}`) {
        return errorReply(401, "UNAUTHORIZED", { "www-authenticate": `Bearer realm="http://${registry.host}/token"` });
      }
      if (kind === "manifests") current++;
      return undefined;
    };
    tokenServer(registry, () => Response.json({ token: `t${current}` }));
    await service.pull(registry.add("r", "1", image));
  });

  test.each([
    [401, "unauthenticated"],
    [403, "permission-denied"],
    [500, "unavailable"],
  ] as const)("a token endpoint that answers %d is %s", async (status, code) => {
    demand(registry, "Bearer x", `Bearer realm="http://${registry.host}/token"`);
    tokenServer(registry, () => errorReply(status, "NO"));
    expect((await service.refusal(`${registry.host}/r:1`)).code).toBe(code);
  });

  test("a public registry over TLS may not send its clients to this node's own services for tokens", async () => {
    using tls = startChaosRegistry({ tls: { cert: testTls.serverCert, key: testTls.serverKey } });
    hostsToml("public.example", `server = "https://localhost:${tls.host.split(":")[1]}"\nskip_verify = true\n`);
    demand(tls, "Bearer x", `Bearer realm="http://${other.host}/token"`);
    const refused = await service.refusal("public.example/r:1", {
      credentials: { username: "user", password: secret },
    });
    expect(refused).toMatchObject({ code: "failed-precondition", message: expect.stringContaining("not https") });
    expect(other.requests).toHaveLength(0);
  });

  test("stop at the registry's origin: neither they nor its challenge reach where it redirects to", async () => {
    const layer = image.blobs[0];
    const reference = registry.add("r", "1", image);
    other.addBlob(layer ?? image.manifest);
    hostsToml(registry.host, `server = "http://${registry.host}"\n[header]\nx-secret = "${secret}"\n`);
    demand(registry, basic("user", secret), "Basic");
    const guarded = registry.intercept;
    registry.intercept = async (request) =>
      (await guarded(request)) ??
      (request.name === layer?.digest
        ? Response.redirect(`http://${other.host}/v2/x/blobs/${layer.digest}`, 307)
        : undefined);
    await service.pull(reference, { credentials: { username: "user", password: secret } });
    expect(other.requests).toHaveLength(1);
    expect(JSON.stringify(other.requests.map(({ headers }) => [...headers]))).not.toContain(secret);
    expect(authorizations(other)).toEqual([null]);
    expect(registry.requests[0]?.headers.get("x-secret")).toBe(secret);
  });

  test("a challenge from where a redirect leads is not answered", async () => {
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ kind }) =>
      kind === "blobs" ? Response.redirect(`http://${other.host}/blob`, 307) : undefined;
    other.intercept = () => errorReply(401, "GIVE", { "www-authenticate": "Basic" });
    const refused = await service.refusal(reference, { credentials: { username: "user", password: secret } });
    expect(refused.code).toBe("unauthenticated");
    expect(authorizations(other).every((value) => value === null)).toBe(true);
  });

  test("for another host are not sent to this one", async () => {
    demand(registry, basic("user", secret), "Basic");
    const reference = registry.add("r", "1", image);
    const elsewhere = await service.refusal(reference, {
      credentials: { username: "user", password: secret, serverAddress: "other.example" },
    });
    expect(elsewhere.code).toBe("unauthenticated");
    expect(authorizations(registry).every((value) => value === null)).toBe(true);
    await service.pull(reference, {
      credentials: { username: "user", password: secret, serverAddress: `https://${registry.host}/v1/` },
    });
  });

  test("come from Docker's config.json when the request has none", async () => {
    demand(registry, basic("user", secret), "Basic");
    dockerConfig({ auths: { [registry.host]: { auth: Buffer.from(`user:${secret}`).toString("base64") } } });
    await service.pull(registry.add("r", "1", image));
    writeFileSync(join(workspace.path, "docker/config.json"), `{"auths": ${secret}`);
    expect((await service.refusal(`${registry.host}/r:1`)).code).toBe("unauthenticated");
    expect(service.warnings).toEqual(["docker config cannot be read, its credentials are not used"]);
  });

  test("of Docker's config.json survive whatever stands beside them", async () => {
    demand(registry, basic("user", secret), "Basic");
    const auth = Buffer.from(`user:${secret}`).toString("base64");
    const reference = registry.add("r", "1", image);
    const beside = [
      { credsStore: null, credHelpers: null, HttpHeaders: null, auths: { "other.example": null } },
      { credHelpers: { "other.example": null }, auths: { "other.example": { auth: 7, email: null } } },
      { auths: { "other.example": "not an object" }, plugins: [{ deep: [[[null]]] }] },
    ];
    for (const document of beside) {
      dockerConfig({ ...document, auths: { ...document.auths, [registry.host]: { auth, identitytoken: null } } });
      await service.pull(reference);
    }
    dockerConfig({ Auths: { [registry.host]: { Username: "user", PASSWORD: secret } } });
    await service.pull(reference);
    dockerConfig({ auths: { [registry.host]: { auth: 7 } } });
    expect((await service.refusal(reference)).code).toBe("unauthenticated");
    expect(service.warnings).toEqual(["docker config's entry for a registry cannot be read, it is not used"]);
  });

  test.each([
    ["an empty scope", 'scope=""'],
    ["a scope of everything", 'scope="*"'],
    ["a scope without a repository", 'scope="registry:catalog:*"'],
  ])("bearer: %s asks for the pull of the repository", async (_name, scope) => {
    demand(registry, "Bearer good", `Bearer realm="http://${registry.host}/token",${scope}`);
    tokenServer(registry, ({ url }) => {
      const scopes = url.searchParams.getAll("scope");
      return Response.json({ token: scopes.includes("repository:team/r:pull") ? "good" : "anonymous" });
    });
    await service.pull(registry.add("team/r", "1", image));
  });

  test.each([
    ["token", { token: null, access_token: "good", expires_in: null }],
    ["access_token", { token: "good", access_token: null, refresh_token: null, issued_at: 7 }],
    ["neither, in other case", { Access_Token: "good" }],
  ])("bearer: null for %s is absent", async (_name, answer) => {
    demand(registry, "Bearer good", `Bearer realm="http://${registry.host}/token"`);
    tokenServer(registry, () => Response.json(answer));
    await service.pull(registry.add("r", "1", image));
  });

  test("come from a credential helper, whose name cannot leave its directory", async () => {
    demand(registry, basic("helped", secret), "Basic");
    const helper = `/usr/local/bin/docker-credential-cribtest${process.pid}`;
    const reference = registry.add("r", "1", image);
    try {
      writeFileSync(
        helper,
        `#!/bin/sh\nread host\n[ "$host" = "${registry.host}" ] || exit 1\necho '{"Username":"helped","Secret":"${secret}"}'\n`,
        { mode: 0o755 },
      );
      dockerConfig({ credHelpers: { [registry.host]: `cribtest${process.pid}` } });
      await service.pull(reference);
      dockerConfig({ credHelpers: { [registry.host]: `../../bin/cribtest${process.pid}` } });
      expect((await service.refusal(reference)).code).toBe("unauthenticated");
    } finally {
      Bun.spawnSync(["rm", helper]);
    }
  });
});

describe("hosts.toml", () => {
  test("a mirror is asked first, told the registry's name, and never given its credentials", async () => {
    other.add("r", "1", image);
    hostsToml("reg.example", `server = "http://${registry.host}"\n[host."http://${other.host}"]\n`);
    demand(other, basic("user", secret), "Basic");
    registry.add("r", "1", image);
    const pulled = await service.pull("reg.example/r:1", { credentials: { username: "user", password: secret } });
    expect(pulled.repoTags).toEqual(["reg.example/r:1"]);
    expect(other.requests[0]?.url.searchParams.get("ns")).toBe("reg.example");
    expect(authorizations(other).every((value) => value === null)).toBe(true);
    expect(registry.requests[0]?.url.search).toBe("");
  });

  test("a mirror that fails, is down or has it not, is passed over", async () => {
    registry.add("r", "1", image);
    other.intercept = () => errorReply(404, "NAME_UNKNOWN");
    hostsToml(
      "reg.example",
      `server = "http://${registry.host}"\n[host."http://127.0.0.1:1"]\n[host."http://${other.host}"]\n`,
    );
    await service.pull("reg.example/r:1");
    expect(other.requests.length).toBeGreaterThan(0);
  });

  test("capabilities: a pull-only mirror is not asked what a tag means", async () => {
    registry.add("r", "1", image);
    other.add("r", "1", image);
    hostsToml(
      "reg.example",
      `server = "http://${registry.host}"\n[host."http://${other.host}"]\ncapabilities = ["pull"]\n`,
    );
    await service.pull("reg.example/r:1");
    expect(registry.requests.map(({ kind }) => kind)).toEqual(["manifests"]);
    expect(other.requests.every(({ kind }) => kind === "blobs")).toBe(true);
  });

  test("override_path, _default and the underscore form of a port", async () => {
    registry.intercept = ({ url }) => {
      const [, rest] = /^\/mirror\/(.*)$/.exec(url.pathname) ?? [];
      return rest === undefined ? errorReply(404, "WRONG_PATH") : fetch(`http://${other.host}/v2/${rest}`);
    };
    other.add("r", "1", image);
    const mirror = `[host."http://${registry.host}/mirror"]\noverride_path = true\n`;
    hostsToml("reg.example_5000_", mirror);
    await service.pull("reg.example:5000/r:1");
    hostsToml("_default", mirror);
    await service.pull("any.example/r:1");
  });

  test("dial_timeout passes over a mirror that does not answer", async () => {
    registry.add("r", "1", image);
    // TEST-NET-1: packets go nowhere, or the network refuses them at once; either way not for long.
    hostsToml(
      "reg.example",
      `server = "http://${registry.host}"\n[host."http://192.0.2.1:80"]\ndial_timeout = "300ms"\n`,
    );
    const started = performance.now();
    await service.pull("reg.example/r:1");
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test("TLS: an unknown authority is refused, a configured one and a client certificate are used", async () => {
    using tls = startChaosRegistry({ tls: { cert: testTls.serverCert, key: testTls.serverKey } });
    tls.add("r", "1", image);
    const directory = join(workspace.path, "hosts", "tls.example");
    hostsToml("tls.example", `server = "https://${tls.host}"\n`);
    expect(await service.refusal("tls.example/r:1")).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("hosts.toml"),
    });
    for (const [name, pem] of Object.entries(testTls)) writeFileSync(join(directory, `${name}.pem`), pem);
    hostsToml(
      "tls.example",
      `server = "https://${tls.host}"\nca = "ca.pem"\nclient = [["clientCert.pem", "clientKey.pem"]]\n`,
    );
    await service.pull("tls.example/r:1");
    hostsToml("tls.example", `server = "https://${tls.host}"\nskip_verify = true\n`);
    await service.pull("tls.example/r:1");
  });

  test.each([
    ["not TOML", "server = ["],
    ["a wrong type", "server = 1"],
    ["an unknown capability", '[host."http://x"]\ncapabilities = ["pul"]'],
    ["an authority that is not there", 'ca = "missing.pem"'],
    ["a duration without unit", '[host."http://x"]\ndial_timeout = "3"'],
    ["an address with a password", 'server = "https://user:pw@x"'],
  ])("with %s is refused by name of the file, not ignored", async (_name, text) => {
    hostsToml(registry.host, text);
    const refused = await service.refusal(registry.add("r", "1", image));
    expect(refused).toMatchObject({ code: "failed-precondition", message: expect.stringContaining("hosts.toml") });
  });
});
