import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import type { Config } from "../../config/config.ts";
import { defaultConfig } from "../../config/defaults.ts";
import { loadConfig } from "../../config/load-config.ts";
import { readConfigFiles } from "../../config/read-config-files.ts";
import { nativeHandler } from "../../config/runtime-handler.ts";
import type { ImportResult } from "./import-from.ts";

/** A node's root, with what another engine and vendors' tools have written there. */
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "crib-import-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function program(path: string): string {
  write(path, "#!/bin/sh\n");
  chmodSync(join(root, path), 0o755);
  return path;
}

async function importFrom(engine: string, ...flags: string[]): Promise<ImportResult> {
  const { exitCode, out, err } = await cli(["config", "import", engine, "--prefix", root, "--json", ...flags]);
  expect([exitCode, err]).toEqual([0, ""]);
  return JSON.parse(out) as ImportResult;
}

const dropIn = () => join(root, "etc/crib/conf.d/20-imported.toml");

/** The node's configuration after an import: that and nothing else. */
function loaded(): Config {
  write("etc/crib/config.toml", "");
  return loadConfig({ files: readConfigFiles(join(root, "etc/crib/config.toml")), flags: {} });
}

const refused = ({ rows }: ImportResult): Record<string, string> =>
  Object.fromEntries(rows.filter(({ outcome }) => outcome === "not taken").map(({ setting, note }) => [setting, note]));

const cri = 'plugins."io.containerd.grpc.v1.cri"';
const runtimePlugin = "plugins.'io.containerd.cri.v1.runtime'";
const oci = (path: string) => ({ ...nativeHandler, type: "oci" as const, path, args: [] });

describe("containerd", () => {
  test("what it does by itself needs no word of crib's", async () => {
    write(
      "etc/containerd/config.toml",
      `version = 2
      root = "/var/lib/containerd"
      disabled_plugins = []
      [${cri}]
      sandbox_image = ""
      enable_unprivileged_ports = true
      enable_unprivileged_icmp = true
      stream_server_address = "127.0.0.1"
      stream_server_port = "0"
      [${cri}.containerd]
      default_runtime_name = "runc"
      snapshotter = "overlayfs"
      [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
      BinaryName = ""
      SystemdCgroup = false`,
    );
    const result = await importFrom("containerd");
    expect(refused(result)).toEqual({});
    expect(loaded()).toEqual({
      ...defaultConfig,
      runtime: { ...defaultConfig.runtime, handlers: { ...defaultConfig.runtime.handlers, runc: nativeHandler } },
    });
  });

  const v2 = (body: string) => `version = 2\n${body}`;
  test.each([
    [
      "kubeadm's cgroup driver",
      `[${cri}.containerd.runtimes.runc.options]\nSystemdCgroup = true`,
      (c: Config) => c.cgroup.driver,
      "systemd",
    ],
    [
      "a directory of plugins",
      `[${cri}.cni]\nbin_dir = "/usr/libexec/cni"`,
      (c: Config) => c.cni.binDirs,
      ["/usr/libexec/cni"],
    ],
    ["a directory of networks", `[${cri}.cni]\nconf_dir = "/etc/other"`, (c: Config) => c.cni.configDir, "/etc/other"],
    [
      "directories of hosts.toml",
      `[${cri}.registry]\nconfig_path = "/a:/b"`,
      (c: Config) => c.registry.hostsDirs,
      ["/etc/crib/certs.d", "/a", "/b"],
    ],
    ["CDI", `[${cri}]\ncdi_spec_dirs = ["/cdi"]`, (c: Config) => c.cdi.specDirs, ["/cdi"]],
    [
      "downloads at once",
      `[${cri}]\nmax_concurrent_downloads = 8`,
      (c: Config) => c.registry.maxConcurrentDownloads,
      8,
    ],
    ["an idle limit", `[${cri}]\nstream_idle_timeout = "1h30m"`, (c: Config) => c.streaming.idleTimeoutMs, 5_400_000],
    ["no AppArmor", `[${cri}]\ndisable_apparmor = true`, (c: Config) => c.runtime.apparmorDefaultProfile, false],
    [
      "no volumes of images",
      `[${cri}]\nignore_image_defined_volumes = true`,
      (c: Config) => c.runtime.imageVolumes,
      "none",
    ],
    ["a level", '[debug]\nlevel = "debug"', (c: Config) => c.log.level, "debug"],
    [
      "NRI, where it is switched on",
      '[plugins."io.containerd.nri.v1.nri"]\ndisable = false\nsocket_path = "/run/n.sock"',
      (c: Config) => c.nri.socket,
      "/run/n.sock",
    ],
    ["NRI, off in containerd 1", "", (c: Config) => c.nri.socket, undefined],
  ] as const)("takes over: %s", async (_what, body, of, expected) => {
    write("etc/containerd/config.toml", v2(body));
    await importFrom("containerd");
    expect(of(loaded()) as unknown).toEqual(expected);
  });

  test("versions 3 and 4: settings that moved are found, and NRI is on unless it is switched off", async () => {
    write(
      "etc/containerd/config.toml",
      `version = 3
      [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = "registry.k8s.io/pause:3.10"
      agent = "example.com/agent:1"
      [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
      [${runtimePlugin}.cni]
      bin_dirs = ["/opt/cni/bin", "/x"]
      [plugins.'io.containerd.grpc.v1.cri']
      stream_server_port = "10010"
      [plugins.'io.containerd.server.v1.metrics']
      address = "127.0.0.1:1338"`,
    );
    const result = await importFrom("containerd");
    const { images, cni, registry, streaming, nri } = loaded();
    expect([images.pinned, cni.binDirs, registry.hostsDirs, streaming.port, nri.socket] as unknown[]).toEqual([
      ["example.com/agent:1"],
      ["/opt/cni/bin", "/x"],
      ["/etc/crib/certs.d", "/etc/containerd/certs.d", "/etc/docker/certs.d"],
      10010,
      "/var/run/nri/nri.sock",
    ]);
    expect(refused(result)).toEqual({
      "metrics.address": "crib has no endpoint of its own: containers' metrics come through the kubelet",
    });
  });

  test("drop-ins as vendors' tools write them: a runtime, its program, the default; what has no program is told", async () => {
    const nvidia = program("/usr/bin/nvidia-container-runtime");
    write(
      "etc/containerd/config.toml",
      'version = 3\nimports = ["conf.d/*.toml", "/opt/kata/containerd/config.d/kata-deploy.toml"]',
    );
    write(
      "etc/containerd/conf.d/99-nvidia.toml",
      `version = 3
      [${runtimePlugin}.containerd]
      default_runtime_name = "nvidia"
      [${runtimePlugin}.containerd.runtimes.nvidia]
      privileged_without_host_devices = false
      runtime_type = "io.containerd.runc.v2"
      [${runtimePlugin}.containerd.runtimes.nvidia.options]
      BinaryName = "${nvidia}"
      SystemdCgroup = true
      [${runtimePlugin}.containerd.runtimes.nvidia-cdi]
      runtime_type = "io.containerd.runc.v2"
      [${runtimePlugin}.containerd.runtimes.nvidia-cdi.options]
      BinaryName = "/usr/bin/nvidia-container-runtime.cdi"`,
    );
    const result = await importFrom("containerd");
    const { runtime, cgroup } = loaded();
    expect([runtime.defaultHandler, runtime.handlers["nvidia"], cgroup.driver] as unknown[]).toEqual([
      "nvidia",
      oci(nvidia),
      "systemd",
    ]);
    expect(result.read).toEqual(["/etc/containerd/config.toml", "/etc/containerd/conf.d/99-nvidia.toml"]);
    expect(refused(result)).toEqual({
      "/opt/kata/containerd/config.d/kata-deploy.toml": "the file is left out: is not there",
      "cri.containerd.runtimes.nvidia-cdi": "its program /usr/bin/nvidia-container-runtime.cdi is not on this node",
    });
  });

  test("shims: kata-deploy's by their path, runtime-class-manager's as the type, others by their name", async () => {
    const kata = program("/opt/kata/bin/containerd-shim-kata-v2");
    const spin = program("/opt/rcm/bin/containerd-shim-spin-v2");
    const config = "/opt/kata/share/defaults/kata-containers/configuration-qemu.toml";
    program("/usr/local/bin/containerd-shim-runsc-v1");
    write(
      "etc/containerd/config.toml",
      `version = 3
      [${runtimePlugin}.containerd.runtimes.kata-qemu]
      runtime_type = "io.containerd.kata-qemu.v2"
      runtime_path = "${kata}"
      privileged_without_host_devices = true
      pod_annotations = ["io.katacontainers.*"]
      [${runtimePlugin}.containerd.runtimes.kata-qemu.options]
      ConfigPath = "${config}"
      [${runtimePlugin}.containerd.runtimes.spin]
      runtime_type = "${spin}"
      [${runtimePlugin}.containerd.runtimes.gvisor]
      runtime_type = "io.containerd.runsc.v1"
      [${runtimePlugin}.containerd.runtimes.gone]
      runtime_type = "io.containerd.gone.v2"`,
    );
    const result = await importFrom("containerd");
    const { handlers } = loaded().runtime;
    expect(handlers["kata-qemu"] as unknown).toMatchObject({
      type: "shim-v2",
      path: kata,
      options: { configPath: config },
      podAnnotations: ["io.katacontainers.*"],
      privilegedWithoutHostDevices: true,
    });
    expect([handlers["spin"], handlers["gvisor"]] as unknown[]).toMatchObject([
      { type: "shim-v2", path: spin },
      { type: "shim-v2", path: "/usr/local/bin/containerd-shim-runsc-v1" },
    ]);
    expect(refused(result)).toEqual({
      "cri.containerd.runtimes.gone": "its shim containerd-shim-gone-v2 is not on this node",
    });
  });

  test("a drop-in of another version than the main file, and a second that adds to the first", async () => {
    program("/usr/sbin/crun");
    write("etc/containerd/config.toml", 'version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]');
    write(
      "etc/containerd/conf.d/1.toml",
      `version = 3\n[${runtimePlugin}.containerd.runtimes.crun]\nruntime_type = "io.containerd.runc.v2"\npod_annotations = ["a"]`,
    );
    write(
      "etc/containerd/conf.d/2.toml",
      `version = 2\n[${cri}.containerd.runtimes.crun]\npod_annotations = ["b"]\n[${cri}.containerd.runtimes.crun.options]\nBinaryName = "crun"`,
    );
    await importFrom("containerd");
    expect(loaded().runtime.handlers["crun"] as unknown).toEqual({
      ...oci("/usr/sbin/crun"),
      podAnnotations: ["a", "b"],
    });
  });

  test.each([
    ["is not TOML", "[plugins"],
    ["is of version 9", "version = 9"],
    ["its version is no number", 'version = "3"'],
    ["is larger than", `# ${"x".repeat(1 << 20)}`],
  ])("a bad drop-in is left out and told, the rest is taken: %s", async (why, text) => {
    write(
      "etc/containerd/config.toml",
      `version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n[${cri}.cni]\nconf_dir = "/n"`,
    );
    write("etc/containerd/conf.d/bad.toml", text);
    const result = await importFrom("containerd");
    expect(refused(result)["/etc/containerd/conf.d/bad.toml"]).toContain(why);
    expect(String(loaded().cni.configDir)).toBe("/n");
  });

  test("values that are not what they should be are told one by one", async () => {
    write(
      "etc/containerd/config.toml",
      v2(
        `[${cri}]\nmax_concurrent_downloads = 0\nstream_idle_timeout = 4\nstream_server_port = "x"\ncdi_spec_dirs = "/c"\nfrobnicate = true\n[${cri}.cni]\nconf_dir = "net.d"\n[${cri}.containerd.runtimes]\nrunc = 1\n[${cri}.containerd.runtimes."No Name"]\nruntime_type = ""\n[${cri}.containerd.runtimes.shim]\nruntime_type = "/opt/containerd-shim-x"`,
      ),
    );
    const told = refused(await importFrom("containerd"));
    expect(Object.keys(told).toSorted()).toEqual(
      [
        "cri.max_concurrent_downloads",
        "cri.stream_idle_timeout",
        "cri.stream_server_port",
        "cri.cdi_spec_dirs",
        "cri.frobnicate",
        "cri.cni.conf_dir",
        "cri.containerd.runtimes.No Name",
        "cri.containerd.runtimes.shim",
      ].toSorted(),
    );
    expect(told["cri.frobnicate"]).toBe("crib has no such setting");
    expect(loaded()).toEqual(defaultConfig);
  });

  test("imports that go round, and names with dots, end nothing", async () => {
    write(
      "etc/containerd/config.toml",
      'version = 2\nimports = ["config.toml", "a.toml", "/etc/*/b.toml", "none/*.toml"]',
    );
    write("etc/containerd/a.toml", 'version = 2\nimports = ["../containerd/config.toml"]');
    const result = await importFrom("containerd");
    expect(result.read).toEqual(["/etc/containerd/config.toml", "/etc/containerd/a.toml"]);
    expect(refused(result)["/etc/containerd/config.toml"]).toContain("only the last part");
  });

  test("a main file that containerd would not start with is an error, and nothing is written", async () => {
    write("etc/containerd/config.toml", "[plugins");
    const { exitCode, err } = await cli(["config", "import", "containerd", "--prefix", root]);
    expect([exitCode, err.includes("/etc/containerd/config.toml is not TOML")]).toEqual([2, true]);
    expect(existsSync(join(root, "etc/crib"))).toBe(false);
  });

  describe("mirrors of before there was hosts.toml", () => {
    const hosts = (host: string) => readFileSync(join(root, "etc/crib/certs.d", host, "hosts.toml"), "utf8");
    beforeEach(() => {
      write("ca.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
      write(
        "etc/containerd/config.toml",
        v2(`[${cri}.registry.mirrors."docker.io"]
          endpoint = ["https://mirror.example", "http://10.0.0.1:5000/v2/proxy", "ftp://x"]
          [${cri}.registry.mirrors."*"]
          endpoint = ["https://all.example"]
          [${cri}.registry.configs."own.example:5000".tls]
          insecure_skip_verify = true
          ca_file = "${root}/ca.pem"
          [${cri}.registry.configs."own.example:5000".auth]
          username = "u"
          password = "hunter2"`),
      );
    });

    test("become such files, passwords stay where they are, and what is no address is told", async () => {
      const result = await importFrom("containerd");
      expect(Bun.TOML.parse(hosts("docker.io"))).toEqual({
        server: "https://registry-1.docker.io",
        host: {
          "https://mirror.example": { capabilities: ["pull", "resolve"] },
          "http://10.0.0.1:5000/v2/proxy": { capabilities: ["pull", "resolve"], override_path: true },
        },
      });
      expect(Bun.TOML.parse(hosts("_default"))).toEqual({
        host: { "https://all.example": { capabilities: ["pull", "resolve"] } },
      });
      expect(Bun.TOML.parse(hosts("own.example:5000"))).toEqual({
        server: "https://own.example:5000",
        skip_verify: true,
        ca: `${root}/ca.pem`,
      });
      expect(Object.keys(refused(result))).toEqual([
        'cri.registry.mirrors."docker.io"',
        'cri.registry.configs."own.example:5000".auth',
      ]);
      expect(JSON.stringify(result)).not.toContain("hunter2");
    });

    test("what an administrator wrote stays; an import again changes nothing; --undo takes it back, and again", async () => {
      write("etc/crib/certs.d/docker.io/hosts.toml", "# mine\n");
      const first = await importFrom("containerd");
      expect(refused(first)["etc/crib/certs.d/docker.io/hosts.toml"]).toContain("it stays");
      const again = await importFrom("containerd");
      expect(new Set(again.files.map(({ action }) => action))).toEqual(new Set(["unchanged"]));
      const undone = await importFrom("containerd", "--undo");
      expect(undone.files.map(({ action }) => action)).toEqual(again.files.map(() => "removed"));
      expect(hosts("docker.io")).toBe("# mine\n");
      for (const gone of ["_default", "own.example:5000"])
        expect(existsSync(join(root, "etc/crib/certs.d", gone))).toBe(false);
      expect((await importFrom("containerd", "--undo")).files).toEqual([]);
    });

    test("what the next import does not have any more goes", async () => {
      await importFrom("containerd");
      write("etc/containerd/config.toml", v2(""));
      expect((await importFrom("containerd")).files.map(({ action }) => action)).toEqual([
        "removed",
        "removed",
        "removed",
      ]);
    });
  });

  test("--dry-run writes nothing and says the same; people get a table", async () => {
    write("etc/containerd/config.toml", v2(`[${cri}.cni]\nconf_dir = "/n"\nmax_conf_num = 2`));
    const { out } = await cli(["config", "import", "containerd", "--prefix", root, "--dry-run"]);
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["read /etc/containerd/config.toml"],
      [""],
      ["SETTING", "VALUE", "AS, OR WHY NOT"],
      ["cri.cni.conf_dir", "/n", "taken", "cni.config_dir"],
      ["cri.cni.max_conf_num", "2", "not taken", "the first network list is the pods' network"],
      [""],
      ["written", dropIn()],
      [""],
    ]);
    expect(existsSync(dropIn())).toBe(false);
  });
});

describe("CRI-O", () => {
  test("is taken over with its drop-ins, its runtimes and the mirrors of registries.conf", async () => {
    program("/usr/libexec/crio/crun");
    write(
      "etc/crio/crio.conf",
      `[crio]\nroot = "/var/lib/containers/storage"\n[crio.runtime]\nconmon = "x"\ncgroup_manager = "systemd"\ndefault_ulimits = ["nofile=1024:2048"]\n[crio.image]\npause_image = "registry.k8s.io/pause:3.10"\npinned_images = ["quay.io/a/*"]\n[crio.network]\nplugin_dirs = ["/opt/cni/bin/", "/usr/libexec/cni/"]\n[crio.metrics]\nenable_metrics = true\n[crio.tracing]\nenable_tracing = true\n[crio.nri]\nnri_plugin_request_timeout = "10s"`,
    );
    write(
      "etc/crio/crio.conf.d/10-crun.conf",
      `[crio.runtime]\ndefault_runtime = "crun"\n[crio.runtime.runtimes.crun]\nruntime_path = "/usr/libexec/crio/crun"\nallowed_annotations = ["io.containers.trace-syscall"]\n[crio.runtime.runtimes.kata]\nruntime_path = "/usr/bin/containerd-shim-kata-v2"\nruntime_type = "vm"`,
    );
    write("etc/crio/crio.conf.d/99-bad.conf", "[crio");
    write(
      "etc/containers/registries.conf",
      `[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "mirror.example/proxy"\ninsecure = true\n[[registry]]\nprefix = "quay.io/team"\nlocation = "x.example"\n[[registry]]\nlocation = "bad.example"\nblocked = true`,
    );
    const result = await importFrom("crio");
    const config = loaded();
    const annotations = ["io.containers.trace-syscall"];
    expect([
      config.cgroup.driver,
      config.images.pinned,
      config.cni.binDirs,
      config.nri.requestTimeoutMs,
      config.runtime.defaultHandler,
      config.runtime.handlers["crun"],
    ] as unknown[]).toEqual([
      "systemd",
      ["quay.io/a/*"],
      ["/opt/cni/bin", "/usr/libexec/cni"],
      10_000,
      "crun",
      { ...oci("/usr/libexec/crio/crun"), podAnnotations: annotations, containerAnnotations: annotations },
    ]);
    expect(Object.keys(refused(result)).toSorted()).toEqual(
      [
        "/etc/crio/crio.conf.d/99-bad.conf",
        "crio.runtime.default_ulimits",
        "crio.image.pause_image",
        "crio.runtime.runtimes.kata",
        "crio.metrics.enable_metrics",
        "crio.tracing.enable_tracing",
        "registries.conf: quay.io/team",
        "registries.conf: bad.example",
      ].toSorted(),
    );
    expect(Bun.TOML.parse(readFileSync(join(root, "etc/crib/certs.d/docker.io/hosts.toml"), "utf8"))).toMatchObject({
      host: { "https://mirror.example/v2/proxy": { override_path: true, skip_verify: true } },
    });
  });

  test("there being none is an error", async () => {
    expect((await cli(["config", "import", "crio", "--prefix", root])).err).toContain(
      "there is no configuration of CRI-O",
    );
    expect((await cli(["config", "import", "docker"])).err).toContain("is none of containerd, crio");
  });
});
