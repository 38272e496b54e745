import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  SecurityProfileBase_BaseType as BaseType,
  SecurityProfile_ProfileType as ProfileType,
  SecurityProfileKind,
} from "../../src/gen/runtime/v1/api_pb.ts";
import type { RegistryCredentials, SecurityProfiles } from "../../src/images/port.ts";
import { type ChaosRegistry, errorReply, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { sha256 } from "../fixtures/image-builder.ts";
import { type ArtifactChanges, buildProfileArtifact, jsonBlob } from "../fixtures/profile-artifact.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { openImages } from "../harness/image-service.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

/** KEP-6061, as the comments of CRI 0.38 and the publishing side have it. */
const allowAll = { defaultAction: "SCMP_ACT_ALLOW" };
const signal = new AbortController().signal;

describe("a store of profiles", () => {
  let registry: ChaosRegistry;
  let workspace: Workspace;
  beforeAll(() => {
    registry = startChaosRegistry();
  });
  afterAll(() => registry[Symbol.dispose]());
  beforeEach(() => {
    workspace?.remove();
    workspace = openWorkspace("profiles");
    const hosts = join(workspace.path, "hosts", registry.host);
    mkdirSync(hosts, { recursive: true });
    writeFileSync(join(hosts, "hosts.toml"), `server = "http://${registry.host}"\n[host."http://${registry.host}"]\n`);
    registry.forget();
    registry.intercept = () => undefined;
  });
  afterAll(() => workspace.remove());

  /** Pushes, and names it by digest. */
  function push(repository: string, profile: unknown, changes: ArtifactChanges = {}): string {
    const artifact = buildProfileArtifact(profile, changes);
    registry.add(repository, "latest", artifact);
    return `${registry.host}/${repository}@${artifact.manifest.digest}`;
  }

  async function refusal(profiles: SecurityProfiles, reference: string): Promise<string> {
    try {
      await profiles.pull(reference, undefined, signal);
      return "no error";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  test("is asked of the registry once, whoever asks again, and keeps every reference", async () => {
    using opened = await openImages(workspace.path);
    const { profiles } = opened.images;
    const one = push("a/profile", allowAll);
    expect(await profiles.pull(one, undefined, signal)).toEqual({ cached: false });
    registry.forget();
    const other = push("b/profile", allowAll);
    for (const reference of [one, one, other]) {
      expect(await profiles.pull(reference, undefined, signal)).toEqual({ cached: true });
    }
    expect(registry.requests).toHaveLength(0);
    const bytes = JSON.stringify(allowAll);
    expect(profiles.list()).toEqual([
      { digest: sha256(new TextEncoder().encode(bytes)) as never, refs: [one, other], sizeBytes: BigInt(bytes.length) },
    ]);
    expect(profiles.find(one)).toBe(bytes);
    expect(opened.images.list()).toEqual([]);
  });

  test("two manifests of one profile are one profile", async () => {
    using opened = await openImages(workspace.path);
    const { profiles } = opened.images;
    const one = push("a/profile", allowAll);
    const other = push("a/profile", allowAll, { artifactType: "" });
    expect(one).not.toBe(other);
    for (const reference of [one, other]) await profiles.pull(reference, undefined, signal);
    expect(profiles.list().map(({ refs }) => refs)).toEqual([[one, other]]);
    expect(profiles.find(other)).toBe(JSON.stringify(allowAll));
  });

  test("outlives the daemon, and what a crash left half written does not", async () => {
    const reference = push("a/profile", allowAll);
    {
      using opened = await openImages(workspace.path);
      await opened.images.profiles.pull(reference, undefined, signal);
    }
    const directory = join(workspace.path, "root", "security-profiles");
    writeFileSync(join(directory, `sha256-${"0".repeat(64)}.json`), '{"digest":"sha256:00');
    writeFileSync(join(directory, `sha256-${"1".repeat(64)}.json.7`), "half");
    using again = await openImages(workspace.path);
    expect(again.images.profiles.list()).toHaveLength(1);
    expect(readdirSync(directory)).toHaveLength(1);
    registry.forget();
    expect(await again.images.profiles.pull(reference, undefined, signal)).toEqual({ cached: true });
    expect(registry.requests).toHaveLength(0);
  });

  test("goes when it is removed, as often as one likes, and can be pulled again", async () => {
    using opened = await openImages(workspace.path);
    const { profiles } = opened.images;
    const reference = push("a/profile", allowAll);
    await profiles.pull(reference, undefined, signal);
    const [kept] = profiles.list();
    for (let i = 0; i < 2; i++) await profiles.remove(kept?.digest ?? "");
    await profiles.remove(`sha256:${"7".repeat(64)}`);
    expect([profiles.list(), profiles.find(reference)]).toEqual([[], undefined]);
    expect(await profiles.pull(reference, undefined, signal)).toEqual({ cached: false });
  });

  test("many at once make one request of each thing", async () => {
    using opened = await openImages(workspace.path);
    const reference = push("a/profile", allowAll);
    registry.forget();
    await Promise.all(Array.from({ length: 20 }, () => opened.images.profiles.pull(reference, undefined, signal)));
    expect(registry.requests).toHaveLength(2);
    expect(opened.images.profiles.list()).toHaveLength(1);
  });

  const layer = jsonBlob(allowAll);
  const many = {
    ...allowAll,
    syscalls: Array.from({ length: 129 }, () => ({ names: ["read"], action: "SCMP_ACT_LOG" })),
  };
  test.each<readonly [string, unknown, ArtifactChanges, string]>([
    ["of another config type", allowAll, { configType: "application/vnd.oci.image.config.v1+json" }, "is of type"],
    ["of another artifact type", allowAll, { artifactType: "application/x" }, "is of type"],
    ["an index", allowAll, { manifestType: "application/vnd.oci.image.index.v1+json" }, "not an OCI manifest"],
    ["with no layer", allowAll, { layers: [] }, "has 0 layers"],
    ["with two layers", allowAll, { layers: [layer, layer] }, "has 2 layers"],
    ["larger than 1 MiB", { ...allowAll, comment: "x".repeat(1 << 20) }, {}, "over 1048576"],
    ["with 129 syscall entries", many, {}, "129 syscall entries, over 128"],
    ["with a listener", { ...allowAll, listenerPath: "/run/x" }, {}, "has listenerPath"],
    ["with a listener's metadata", { ...allowAll, listenerMetadata: "m" }, {}, "has listenerMetadata"],
    ["that notifies", { defaultAction: "SCMP_ACT_NOTIFY" }, {}, "SCMP_ACT_NOTIFY"],
    [
      "with a rule that notifies",
      { ...allowAll, syscalls: [{ names: ["read"], action: "SCMP_ACT_NOTIFY" }] },
      {},
      "SCMP_ACT_NOTIFY",
    ],
    ["that is no JSON", "no JSON", {}, "SecurityProfileInvalid"],
    ["that is a list", "[]", {}, "an object"],
    ["that says nothing", {}, {}, "no defaultAction"],
  ])("refuses for good what is %s", async (_name, profile, changes, reason) => {
    using opened = await openImages(workspace.path);
    const message = await refusal(opened.images.profiles, push("bad/profile", profile, changes));
    expect(message).toStartWith("SecurityProfileInvalid: ");
    expect(message).toContain(reason);
    expect(opened.images.profiles.list()).toEqual([]);
  });

  test.each(["", "busybox", "r.example/p:latest", "UPPER@sha256:1", `r.example/p@sha256:${"g".repeat(64)}`])(
    "refuses for good the reference %p: it names no digest",
    async (reference) => {
      using opened = await openImages(workspace.path);
      expect(await refusal(opened.images.profiles, reference)).toStartWith("SecurityProfileInvalid: ");
    },
  );

  test("tells a registry that does not answer from one that has no such thing, and from wrong bytes", async () => {
    using opened = await openImages(workspace.path);
    const { profiles } = opened.images;
    const reference = push("a/profile", allowAll);
    registry.intercept = ({ kind }) => (kind === "manifests" ? errorReply(501, "UNSUPPORTED") : undefined);
    expect(await refusal(profiles, reference)).toStartWith("RegistryUnavailable: ");
    registry.intercept = ({ kind }) => (kind === "manifests" ? errorReply(404, "MANIFEST_UNKNOWN") : undefined);
    expect(await refusal(profiles, reference)).toContain("no such thing");
    registry.intercept = ({ kind }) => (kind === "blobs" ? new Response("x".repeat(33)) : undefined);
    expect(await refusal(profiles, reference)).not.toStartWith("SecurityProfileInvalid");
    expect(profiles.list()).toEqual([]);
  });

  test("sends the credentials it is given", async () => {
    using opened = await openImages(workspace.path);
    const reference = push("a/profile", allowAll);
    const seen: (string | null)[] = [];
    registry.intercept = ({ headers }) => {
      seen.push(headers.get("authorization"));
      return headers.has("authorization")
        ? undefined
        : new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
    };
    const credentials: RegistryCredentials = {
      ...{ username: "u", password: "p", auth: "", serverAddress: "", identityToken: "", registryToken: "" },
    };
    await opened.images.profiles.pull(reference, credentials, signal);
    expect(seen.at(-1)).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
  });
});

describe("a container under a pulled profile", () => {
  const bed = useTestBed();
  const crib = onlyCrib("security profiles are of CRI 0.38");

  async function pulled(profile: unknown): Promise<string> {
    const artifact = buildProfileArtifact(profile);
    await bed.registry.push("profiles/test", `t${artifact.manifest.digest.slice(7, 27)}`, artifact);
    const ociRef = `${bed.registry.host}/profiles/test@${artifact.manifest.digest}`;
    await bed.cri.images.pullSecurityProfile({ image: { image: ociRef }, profileKind: SecurityProfileKind.Seccomp });
    return ociRef;
  }
  const under = (ociRef: string, baseProfile?: object) => ({
    linux: {
      securityContext: { seccomp: { profileType: ProfileType.OCI, ociRef, ...(baseProfile && { baseProfile }) } },
    },
  });
  const noDirectories = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122 }],
  };
  /** A directory, and a namespace: the first the profile forbids, the second RuntimeDefault. */
  const attempts =
    "mkdir /x 2>/dev/null && echo made || echo refused; unshare -r true 2>/dev/null && echo new || echo none";

  crib("may do what the profile and its base both permit", async () => {
    const pod = await bed.runPod();
    expect(await bed.output(pod, attempts, under(await pulled(noDirectories)))).toBe("refused\nnone");
    expect(await bed.output(pod, attempts, under(await pulled(allowAll)))).toBe("made\nnone");
    expect(await bed.output(pod, attempts, under(await pulled(noDirectories), { type: BaseType.RuntimeDefault }))).toBe(
      "refused\nnone",
    );
  });

  crib("has the node's own base where it is told so, and its execs the same filter", async () => {
    const directory = join(bed.engine.directory, "seccomp");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "open.json"), JSON.stringify(allowAll));
    const base = { type: BaseType.Localhost, localhostRef: join(directory, "open.json") };
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod, under(await pulled(noDirectories), base));
    const { stdout } = await container.exec(["sh", "-c", attempts]);
    expect(stdout.trim()).toBe("refused\nnew");
  });

  crib("is not made while the profile is not here, and nothing is pulled for it", async () => {
    const ociRef = await pulled(noDirectories);
    const digestOf = async () => {
      const { profiles } = await bed.cri.images.listSecurityProfiles({});
      return profiles.find(({ refs }) => refs.includes(ociRef))?.digest ?? "";
    };
    const pod = await bed.runPod();
    const running = await bed.runIdle(pod, under(ociRef));
    for (const digest of [await digestOf(), `sha256:${"8".repeat(64)}`]) {
      await bed.cri.images.removeSecurityProfile({ digest });
    }
    expect(await digestOf()).toBe("");
    const refused = await outcomeOf(bed.create(pod, under(ociRef)));
    expect(refused.code).toBe("FailedPrecondition");
    expect(refused.message).toContain("PullSecurityProfile");
    expect(await codeOf(bed.runPod(under(ociRef)))).toBe("FailedPrecondition");
    expect((await running.exec(["mkdir", "/y"])).exitCode).not.toBe(0);
  });

  crib("the answers: cached, kinds that are none, what is claimed, and no image", async () => {
    const ociRef = await pulled(allowAll);
    const image = { image: ociRef };
    const again = await bed.cri.images.pullSecurityProfile({ image, profileKind: SecurityProfileKind.Seccomp });
    expect(again.cached).toBe(true);
    const unspecified = await outcomeOf(bed.cri.images.pullSecurityProfile({ image }));
    expect(unspecified).toMatchObject({ code: "InvalidArgument" });
    expect(unspecified.message).toStartWith("SecurityProfileInvalid: ");
    const { images } = await bed.cri.images.listImages({});
    expect(images.flatMap(({ repoDigests }) => repoDigests)).not.toContain(ociRef);
    expect((await bed.cri.runtime.status({})).features?.seccompProfileOci).toBe(true);
  });
});
