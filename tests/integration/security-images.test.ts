import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ImageSpecSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { type BuiltLayer, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { pullBusyboxWith } from "../harness/pull-busybox-with.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** Root and a real kernel: images that were made to harm the node they run on; docs/security-tests.md has the rows. */
const bed = useTestBed({ images: ["busybox", "users"] });
const crib = onlyCrib("not asked");

const layerOf = (builder: LayerBuilder): BuiltLayer => compressLayer(builder.build());

/** A directory of the host with a secret in it, and what there is to see of it. */
function victimDirectory(): { readonly path: string; readonly seen: () => readonly string[] } {
  const path = mkdtempSync(join(bed.engine.directory, "victim-"));
  writeFileSync(join(path, "secret"), "of the host");
  const mounts = () => readFileSync("/proc/self/mounts", "utf8").split("\n");
  return {
    path,
    seen: () => [
      ...readdirSync(path, { recursive: true }).map(String),
      readFileSync(join(path, "secret"), "utf8"),
      ...mounts().filter((line) => line.includes(path)),
    ],
  };
}

describe("what an image calls its volumes", () => {
  test("V45: shows nothing of the host, by no .. and no link (CVE-2022-23648)", async () => {
    const victim = victimDirectory();
    const up = "../".repeat(12).slice(0, -1);
    const layer = new LayerBuilder()
      .dir("data")
      .file("data/own", "of the image")
      .symlink("link", victim.path)
      .symlink("climbing", `${up}${victim.path}`)
      .symlink("shadow", "/etc/shadow")
      .symlink("data/inner", "/proc/1/root/etc");
    const volumes = [
      `/${up}${victim.path}`,
      `/data/${up}${victim.path}`,
      "/../../etc",
      "/link",
      "/link/new",
      "/climbing",
      "/shadow",
      "/data/inner",
      "/data",
      "relative",
      "/proc/1/root/etc",
    ];
    const script = `cat /data/own; echo; find / -xdev -name secret 2>/dev/null; for d in / /link /climbing /shadow ${victim.path}; do
      cat $d/secret $d/shadow 2>/dev/null; touch $d/written 2>/dev/null; done; cat /shadow 2>/dev/null; true`;
    const pod = await bed.runPod();
    const built = layerOf(layer);
    const seen: Record<string, string> = {};
    for (const [at, path] of volumes.entries()) {
      const imageReference = await pullBusyboxWith(bed, `v45-${at}`, built, { Volumes: { [path]: {} } });
      const metadata = { name: `v45-${at}`, attempt: 0 };
      const run = bed.output(pod, script, { imageReference, metadata, logPath: `v45-${at}.log` });
      const note = (text: string) => {
        seen[path] = text;
      };
      const outcome = await outcomeOf(run.then(note));
      if (outcome.code !== "OK") seen[path] = outcome.code;
      // One that cannot be placed may be refused; none is ever the host's.
      expect(victim.seen()).toEqual(["secret", "of the host"]);
    }
    const allowed = new Set(["of the image", "InvalidArgument", "FailedPrecondition", "Internal"]);
    expect(Object.entries(seen).filter(([path, text]) => !allowed.has(text) && path !== "/data")).toEqual([]);
    expect(Object.values(seen).filter((text) => text === "of the image").length).toBeGreaterThan(4);
    // A link through procfs is followed by nobody.
    expect(seen["/data/inner"]).toBe("Internal");
  });

  test("V45: of an image that runs shows the image's data", async () => {
    const layer = new LayerBuilder().dir("data").file("data/own", "of the image").symlink("to-data", "/data");
    const image = await pullBusyboxWith(bed, "v45-good", layerOf(layer), {
      Volumes: { "/data": {}, "/to-data": {}, "/new": {} },
    });
    const script = "cat /data/own /to-data/own; touch /data/x /new/x; ls /new";
    expect(await bed.output(await bed.runPod(), script, { imageReference: image })).toBe("of the imageof the imagex");
  });
});

describe("an image whose /etc leads out", () => {
  for (const [name, target] of [
    ["absolute", (path: string) => path],
    ["climbing", (path: string) => `${"../".repeat(12)}${path.slice(1)}`],
    ["through procfs", (path: string) => `/proc/1/root${path}`],
  ] as const) {
    crib(`V46: ${name}: nothing is made, bound or changed on the host (CVE-2024-5154, CVE-2024-9341)`, async () => {
      const victim = victimDirectory();
      const ofHost = ["hosts", "resolv.conf", "hostname", "mtab", "passwd"].map((file) => `/etc/${file}`);
      const read = () => ofHost.map((file) => Bun.spawnSync(["stat", "-c", "%n %i %s %Z", file]).stdout.toString());
      const before = read();
      const layer = new LayerBuilder().whiteout("etc").symlink("etc", target(victim.path));
      const image = await pullBusyboxWith(bed, `v46-${name.replaceAll(" ", "-")}`, layerOf(layer));
      const hosts = join(bed.engine.directory, "kubelet-hosts");
      writeFileSync(hosts, "127.0.0.1 pod\n");
      const attack = async () =>
        await bed.output(await bed.runPod(), "cat /etc/secret; ls -la /etc/; echo x > /etc/written", {
          imageReference: image,
          mounts: [
            { containerPath: "/etc/hosts", hostPath: hosts },
            { containerPath: "/etc/new/file", hostPath: hosts },
          ],
        });
      let text = "";
      const note = (output: string) => {
        text = output;
      };
      const { code } = await outcomeOf(attack().then(note));
      // Inside of its own root the link is the container's business; one through procfs is followed by nobody.
      const starts = name !== "through procfs";
      expect(code).toBe(starts ? "OK" : "Internal");
      expect(/ hosts\n/.test(text) && / new\n/.test(text)).toBe(starts);
      expect(text).not.toContain("of the host");
      expect(victim.seen()).toEqual(["secret", "of the host"]);
      expect(read()).toEqual(before);
    });
  }

  crib("V46: also through each of the files that are bound there", async () => {
    const victim = victimDirectory();
    const layer = new LayerBuilder().whiteout("etc").dir("etc");
    for (const name of ["hosts", "resolv.conf", "hostname", "mtab"])
      layer.symlink(`etc/${name}`, `${victim.path}/${name}`);
    const image = await pullBusyboxWith(bed, "v46-files", layerOf(layer));
    const output = bed.output(await bed.runPod(), `ls ${victim.path}; cat /etc/resolv.conf >/dev/null`, {
      imageReference: image,
    });
    // The container's files are bound where the links lead in its own root.
    expect((await output).split("\n").toSorted()).toEqual(["hostname", "hosts", "resolv.conf"]);
    expect(victim.seen()).toEqual(["secret", "of the host"]);
  });
});

describe("a part of an image as a volume", () => {
  crib("V47: neither .. nor an absolute path nor a link shows the host's files", async () => {
    const victim = victimDirectory();
    const layer = new LayerBuilder()
      .dir("data")
      .symlink("data/out", `${"../".repeat(12)}${victim.path.slice(1)}`)
      .symlink("data/absolute", victim.path)
      .symlink("data/proc", "/proc/1/root")
      .symlink("data/etc", "/../../../etc");
    const image = await pullBusyboxWith(bed, "v47", layerOf(layer));
    const pod = await bed.runPod();
    const seen: Record<string, string> = {};
    const paths = [
      "..",
      "../..",
      "data/../../x",
      "/etc",
      victim.path,
      "data/out",
      "data/out/secret",
      "data/absolute",
      "data/proc/etc",
    ];
    for (const [at, imageSubPath] of paths.entries()) {
      const mount = { containerPath: "/v", readonly: true, image: create(ImageSpecSchema, { image }), imageSubPath };
      const metadata = { name: `v47-${at}`, attempt: 0 };
      seen[imageSubPath] = await codeOf(bed.run(pod, { metadata, command: ["cat", "/v"], mounts: [mount] }));
    }
    const refused = ["..", "../..", "data/../../x", "/etc", victim.path].map((path) => [path, "InvalidArgument"]);
    const missing = ["data/out", "data/out/secret", "data/absolute", "data/proc/etc"].map((path) => [path, "NotFound"]);
    expect(seen).toEqual(Object.fromEntries([...refused, ...missing]));
    // A link is followed inside of the image: what it finds there is the image's own.
    const mount = {
      containerPath: "/v",
      readonly: true,
      image: create(ImageSpecSchema, { image }),
      imageSubPath: "data/etc",
    };
    const inside = await bed.output(await bed.runPod(), "cat /v/passwd", { mounts: [mount] });
    expect(inside).toBe(await bed.output(await bed.runPod(), "cat /etc/passwd"));
    expect(inside).not.toBe(readFileSync("/etc/passwd", "utf8").trim());
  });
});

describe("a home that is more than one line", () => {
  const line = "evil:x:0:0::/:/bin/sh";
  const homes = {
    "a line feed": `/x\n${line}`,
    "a carriage return": `/x\r${line}`,
    "a backslash and an n": `/x\\n${line}`,
    "a colon": `/x:0:0::/:/bin/sh`,
  };
  for (const [what, home] of Object.entries(homes)) {
    test(`V53: ${what}: adds nobody, and is what the process gets (CVE-2022-4318)`, async () => {
      const accounts = "cat /etc/passwd /etc/group";
      const before = await bed.output(await bed.runPod(), accounts, { image: "users" });
      const envs = [{ key: "HOME", value: Buffer.from(home) }];
      const linux = { securityContext: { runAsUser: { value: 4321n } } };
      const script = `${accounts}; echo; echo ---; printf %s "$HOME" | od -An -tx1 | tr -d ' \\n'`;
      const [after, hex] = (await bed.output(await bed.runPod(), script, { image: "users", envs, linux })).split(
        "\n---\n",
      );
      expect(after?.trim()).toBe(before);
      expect(hex).toBe(Buffer.from(home).toString("hex"));
      const image = await pullBusyboxWith(bed, `v53-${what.replaceAll(" ", "-")}`, layerOf(new LayerBuilder()), {
        Env: [`HOME=${home}`],
      });
      const text = await bed.output(await bed.runPod(), "cat /etc/passwd; id evil 2>&1; true", {
        imageReference: image,
        linux,
      });
      expect(text).not.toContain(line);
      expect(text).toMatch(/unknown user/);
    });
  }
});
