import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ChaosRegistry, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type Blob, type BuiltImage, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: what is accepted is pulled. Keys and signatures are made here.
let workspace: Workspace;
let registry: ChaosRegistry;
let service: OpenedImages;
let policyFile: string;

const image: BuiltImage = buildImage([compressLayer(new LayerBuilder().file("f", "x").build())], { Cmd: ["/none"] });
const other: BuiltImage = buildImage([compressLayer(new LayerBuilder().file("f", "y").build())], { Cmd: ["/other"] });
const pair = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const [ours, theirs] = [pair(), pair()];
const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const keyData = Buffer.from(pem(ours.publicKey)).toString("base64");

beforeAll(async () => {
  workspace = openWorkspace("trust");
  registry = startChaosRegistry();
  policyFile = join(workspace.path, "policy.json");
  writeFileSync(join(workspace.path, "ours.pub"), pem(ours.publicKey));
  service = await openImages(workspace.path, { trustPolicy: policyFile });
});

afterEach(async () => {
  for (const { id } of service.images.list()) await service.images.remove(id);
  await service.images.removeLeftovers();
  registry.forget();
});

afterAll(() => {
  service[Symbol.dispose]();
  registry[Symbol.dispose]();
  workspace.remove();
});

const json = (document: unknown): Blob => {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return { digest: sha256(bytes), bytes };
};

interface Statement {
  readonly digest?: string;
  readonly identity?: string;
  readonly type?: string;
  readonly key?: KeyObject;
  /** After it was signed. */
  readonly changed?: boolean;
}

/** Pushes what `cosign sign` would. */
function signImage(repository: string, digest: string, statement: Statement = {}): void {
  const payload = json({
    critical: {
      identity: { "docker-reference": statement.identity ?? `${registry.host}/${repository}` },
      image: { "docker-manifest-digest": statement.digest ?? digest },
      type: statement.type ?? "cosign container image signature",
    },
    optional: null,
  });
  const signature = sign("sha256", payload.bytes, statement.key ?? ours.privateKey).toString("base64");
  const sent = statement.changed === true ? { ...json({ critical: {} }) } : payload;
  registry.addBlob(sent);
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: payload.digest, size: 1 },
    layers: [
      {
        mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
        digest: sent.digest,
        size: sent.bytes.length,
        annotations: { "dev.cosignproject.cosign/signature": signature },
      },
    ],
  });
  registry.addManifest(
    repository,
    `${digest.replace(":", "-")}.sig`,
    "application/vnd.oci.image.manifest.v1+json",
    manifest,
  );
}

const setPolicy = (
  docker: Readonly<Record<string, readonly object[]>>,
  otherwise: readonly object[] = [{ type: "reject" }],
) => writeFileSync(policyFile, JSON.stringify({ default: otherwise, transports: { docker } }));
const byRepository = { type: "matchRepository" };
const signedBy = (identity: object | undefined) => ({
  type: "sigstoreSigned",
  keyPath: join(workspace.path, "ours.pub"),
  ...(identity === undefined ? {} : { signedIdentity: identity }),
});
const refusal = (reference: string) => service.refusal(reference);

test("scopes: the most exact decides, and nothing is asked of a registry that is rejected", async () => {
  const reference = registry.add("team/app", "1", image);
  const accept = [{ type: "insecureAcceptAnything" }];
  setPolicy({ [registry.host]: accept });
  await service.pull(reference);
  setPolicy({ [registry.host]: accept, [`${registry.host}/team`]: [{ type: "reject" }] });
  registry.forget();
  expect((await refusal(reference)).message).toContain(`SignatureValidationFailed: image ${reference} is refused`);
  expect(registry.requests).toEqual([]);
  setPolicy({ [`${registry.host}/team`]: [{ type: "reject" }], [reference]: accept });
  await service.pull(reference);
  setPolicy({}, accept);
  await service.pull(reference);
  setPolicy({ "": [{ type: "reject" }] }, accept);
  expect((await refusal(reference)).message).toContain("for every registry");
});

test("an image that our key has signed is pulled, and its audit line has the verdict", async () => {
  const reference = registry.add("signed", "1", image);
  signImage("signed", image.manifest.digest);
  setPolicy({ [registry.host]: [signedBy(byRepository)] });
  await service.pull(reference);
  expect(service.infos.findLast(({ message }) => message === "pull done")).toMatchObject({
    policy: `sigstoreSigned ${image.manifest.digest} (${registry.host})`,
  });
  setPolicy({ [registry.host]: [{ type: "sigstoreSigned", keyData, signedIdentity: { type: "matchRepository" } }] });
  await service.pull(reference);
});

test.each([
  ["the exact name", ":1", "", undefined],
  ["the exact name", ":1", "", { type: "matchExact" }],
  ["the repository, pulled by its digest", "", `@${image.manifest.digest}`, undefined],
  ["the exact repository", "", "", { type: "exactRepository", dockerRepository: "" }],
] as const)("a signature for %s counts", async (_what, tag, digest, identity) => {
  const reference = registry.add("named", "1", image);
  const repository = `${registry.host}/named`;
  signImage("named", image.manifest.digest, { identity: `${repository}${tag}` });
  const wanted =
    identity !== undefined && "dockerRepository" in identity ? { ...identity, dockerRepository: repository } : identity;
  setPolicy({ [registry.host]: [signedBy(wanted)] });
  await service.pull(digest === "" ? reference : `${repository}${digest}`);
});

const refusals: readonly [
  what: string,
  statement: Statement | undefined,
  identity: object | undefined,
  message: string,
][] = [
  ["no signature", undefined, { type: "matchRepository" }, "has no signature"],
  ["another key", { key: theirs.privateKey }, { type: "matchRepository" }, "by none of the keys"],
  ["other bytes than were signed", { changed: true }, { type: "matchRepository" }, "by none of the keys"],
  ["another image's digest", { digest: other.manifest.digest }, { type: "matchRepository" }, "is about"],
  ["another repository", { identity: "reg.example/evil" }, { type: "matchRepository" }, "reg.example/evil"],
  ["a statement of another kind", { type: "something" }, { type: "matchRepository" }, "something"],
  ["a name without the tag that is pulled", {}, undefined, "matchRepoDigestOrExact"],
  ["another exact name", {}, { type: "exactReference", dockerReference: "reg.example/a:1" }, "exactReference"],
];
test.each(refusals)("refused, without a layer fetched: %s", async (what, statement, identity, message) => {
  const repository = `refused${refusals.findIndex(([name]) => name === what)}`;
  const reference = registry.add(repository, "1", image);
  if (statement !== undefined) signImage(repository, image.manifest.digest, statement);
  setPolicy({ [registry.host]: [signedBy(identity)] });
  expect(await refusal(reference)).toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining(message),
  });
  expect(registry.fetches(image.blobs[0]?.digest ?? "")).toBe(0);
  expect(service.images.list()).toEqual([]);
});

test("a signature that cannot be fetched now refuses, and may be tried again", async () => {
  const reference = registry.add("down", "1", image);
  setPolicy({ [registry.host]: [signedBy(byRepository)] });
  registry.intercept = ({ name }) => (name.endsWith(".sig") ? new Response("", { status: 501 }) : undefined);
  expect((await refusal(reference)).code).toBe("unavailable");
  registry.intercept = () => undefined;
});

const badPolicies: readonly [what: string, text: string, message: string][] = [
  ["no JSON", "{", "is not JSON"],
  ["no default", "{}", "default"],
  ["an empty list", '{"default":[]}', "default"],
  ["an unknown key", '{"default":[{"type":"reject","x":1}]}', "x"],
  ["OpenPGP", '{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k"}]}', "OpenPGP"],
  ["keyless", '{"default":[{"type":"sigstoreSigned","fulcio":{}}]}', "Fulcio"],
  ["Rekor", `{"default":[{"type":"sigstoreSigned","keyData":"${keyData}","rekorPublicKeyPath":"/r"}]}`, "Rekor"],
  ["no key", '{"default":[{"type":"sigstoreSigned"}]}', "takes one of"],
  ["two keys", `{"default":[{"type":"sigstoreSigned","keyPath":"/k","keyData":"${keyData}"}]}`, "takes one of"],
  ["a key that is not there", '{"default":[{"type":"sigstoreSigned","keyPath":"/none.pub"}]}', "/none.pub"],
  ["a key that is none", '{"default":[{"type":"sigstoreSigned","keyData":"AAAA"}]}', "no public key"],
];
test.each(badPolicies)("a policy that is not understood stops every pull: %s", async (_what, text, message) => {
  writeFileSync(policyFile, text);
  expect(await refusal(registry.add("any", "1", image))).toMatchObject({
    code: "failed-precondition",
    message: expect.stringContaining(message),
  });
});
