import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { defaultConfig } from "./defaults.ts";
import { loadConfig } from "./load-config.ts";
import { nativeHandler } from "./runtime-handler.ts";

const load = (...texts: string[]) =>
  loadConfig({ files: texts.map((text, index) => ({ path: `/etc/crib/${index}.toml`, text })), flags: {} });

describe("loadConfig()", () => {
  test("nothing given is the default", () => {
    expect(load()).toEqual(defaultConfig);
    expect(load("")).toEqual(defaultConfig);
  });

  test("is frozen to the leaves", () => {
    const config = load('listen = ["/tmp/x"]\n[cni]\nbin_dirs = ["/a"]');
    expect(Object.isFrozen(config) && Object.isFrozen(config.listen) && Object.isFrozen(config.cni.binDirs)).toBe(true);
  });

  test("every key of the file arrives", () => {
    const config = load(`
      root = "/data/crib"
      state = "/run/c"
      listen = ["unix:///run/c/s.sock", "/run/containerd/containerd.sock"]
      [containerd_api]
      sockets = "none"
      [log]
      level = "debug"
      format = "json"
      [cgroup]
      driver = "systemd"
      default_parent = "/system.slice"
      [cni]
      config_dir = "/n"
      bin_dirs = ["/b1", "/b2"]
      plugin_timeout_seconds = 5
      [network]
      bridge = "br7"
      subnet = "10.1.0.0/20"
      mtu = 1400
      anti_spoofing = false
      [registry]
      hosts_dirs = ["/h"]
      docker_config = ""
      max_concurrent_downloads = 2
      max_concurrent_downloads_per_registry = 1
      stall_timeout_seconds = 7
      [images]
      pinned = ["registry.k8s.io/pause:3.10"]
      layer_store = "directories"
      check_interval_hours = 24
      trust_policy = "/etc/containers/policy.json"
      [cdi]
      spec_dirs = ["/c1", "/c2"]
      [nri]
      socket = "/n/nri.sock"
      config_dir = "/n/conf.d"
      registration_timeout_seconds = 3
      request_timeout_seconds = 4
      [runtime]
      default_handler = "native"
      seccomp_profile_root = "/sec"
      apparmor_default_profile = false
      image_volumes = "tmpfs"
      exec_output_limit_bytes = 2048
      renew_monitors = true
      [runtime.handlers.guarded]
      type = "native"
      pod_annotations = ["dev.*"]
      container_annotations = ["x"]
      privileged_without_host_devices = true
      [runtime.handlers.runc]
      type = "oci"
      path = "/sbin/runc"
      args = ["--debug"]
      [runtime.handlers.gvisor]
      type = "shim-v2"
      path = "/bin/containerd-shim-runsc-v1"
      options = { type_url = "t", config_path = "/etc/runsc.toml" }
      [streaming]
      address = "::1"
      port = 10010
      tls_cert_file = "/c.pem"
      tls_key_file = "/k.pem"
      idle_timeout_seconds = 60
    `);
    expect(config as unknown).toEqual({
      root: "/data/crib",
      state: "/run/c",
      listen: ["/run/c/s.sock", "/run/containerd/containerd.sock"],
      containerdApi: "none",
      log: { level: "debug", format: "json" },
      cgroup: { driver: "systemd", defaultParent: "/system.slice" },
      cni: { configDir: "/n", binDirs: ["/b1", "/b2"], pluginTimeoutMs: 5000 },
      network: { bridge: "br7", subnet: "10.1.0.0/20", mtu: 1400, antiSpoofing: false },
      registry: {
        hostsDirs: ["/h"],
        dockerConfig: undefined,
        maxConcurrentDownloads: 2,
        maxConcurrentDownloadsPerRegistry: 1,
        stallTimeoutMs: 7000,
      },
      images: {
        pinned: ["registry.k8s.io/pause:3.10"],
        layerStore: "directories",
        checkIntervalMs: 86_400_000,
        trustPolicy: "/etc/containers/policy.json",
      },
      cdi: { specDirs: ["/c1", "/c2"] },
      nri: {
        socket: "/n/nri.sock",
        configDir: "/n/conf.d",
        registrationTimeoutMs: 3000,
        requestTimeoutMs: 4000,
      },
      runtime: {
        defaultHandler: "native",
        handlers: {
          crib: nativeHandler,
          native: nativeHandler,
          guarded: {
            type: "native",
            podAnnotations: ["dev.*"],
            containerAnnotations: ["x"],
            privilegedWithoutHostDevices: true,
          },
          runc: { ...nativeHandler, type: "oci", path: "/sbin/runc", args: ["--debug"] },
          gvisor: {
            ...nativeHandler,
            type: "shim-v2",
            path: "/bin/containerd-shim-runsc-v1",
            sandboxContainer: true,
            options: {
              binaryName: undefined,
              root: undefined,
              systemdCgroup: false,
              configPath: "/etc/runsc.toml",
              typeUrl: "t",
            },
          },
        },
        seccompProfileRoot: "/sec",
        apparmorDefaultProfile: false,
        imageVolumes: "tmpfs",
        execOutputLimitBytes: 2048,
        renewMonitors: true,
      },
      streaming: {
        address: "::1",
        port: 10010,
        tls: { certFile: "/c.pem", keyFile: "/k.pem" },
        idleTimeoutMs: 60_000,
      },
    });
  });

  test("a later file wins key by key, and a list replaces a list", () => {
    const config = load(
      '[network]\nmtu = 1400\nbridge = "a"\n[cni]\nbin_dirs = ["/1", "/2"]',
      '[network]\nbridge = "b"\n[cni]\nbin_dirs = ["/3"]',
    );
    expect(config.network).toEqual({ bridge: "b", subnet: undefined, mtu: 1400, antiSpoofing: true });
    expect(config.cni.binDirs as readonly string[]).toEqual(["/3"]);
  });

  test("an empty range leaves the choice to the daemon, whatever a file before it says", () => {
    expect(load('[network]\nsubnet = "10.1.0.0/20"', '[network]\nsubnet = ""').network.subnet).toBeUndefined();
  });

  test("flags win over files", () => {
    const config = loadConfig({
      files: [{ path: "f", text: 'root = "/a"\nstate = "/b"\nlisten = ["/c"]\n[log]\nlevel = "warn"' }],
      flags: { root: "/r", state: "/s", listen: ["unix:///l1", "/l2"], logLevel: "trace", logFormat: "json" },
    });
    expect([config.root, config.state, ...config.listen, config.log.level, config.log.format] as string[]).toEqual([
      "/r",
      "/s",
      "/l1",
      "/l2",
      "trace",
      "json",
    ]);
  });

  test("the default socket moves with the state directory", () => {
    expect(loadConfig({ files: [], flags: { state: "/tmp/s" } }).listen as readonly string[]).toEqual([
      "/tmp/s/crib.sock",
    ]);
    expect(load('state = "/tmp/t"').listen as readonly string[]).toEqual(["/tmp/t/crib.sock"]);
    const chosen = { files: [{ path: "f", text: 'listen = ["/tmp/u"]' }], flags: { state: "/tmp/s" } };
    expect(loadConfig(chosen).listen as readonly string[]).toEqual(["/tmp/s/crib.sock"]);
    expect(load('state = "/tmp/t"\nlisten = ["/tmp/u"]').listen as readonly string[]).toEqual(["/tmp/u"]);
  });

  test.each([
    ["rot = 1", '/etc/crib/0.toml: unknown key "rot"'],
    ["[registry]\nhostdirs = []", '/etc/crib/0.toml: unknown key "registry.hostdirs"'],
    ['root = "relative"', 'root: path "relative" is not absolute'],
    ["root = 3", "root: Invalid input"],
    ['root = "/a', "/etc/crib/0.toml:1:"],
    ['listen = ["tcp://0.0.0.0:1"]', "listen.0: listen address"],
    ["listen = []", "listen: Too small"],
    [`listen = ["/${"x".repeat(120)}"]`, "longer than the 107 bytes"],
    ['[log]\nlevel = "loud"', "log.level: Invalid option"],
    ['[network]\nsubnet = "10.0.0.0/33"', "network.subnet: is not an IPv4 subnet"],
    ['[network]\nbridge = "way-too-long-name-here"', "network.bridge: is not an interface name"],
    ["[network]\nmtu = 12", "network.mtu: is neither 0"],
    ["[registry]\nmax_concurrent_downloads = 0", "registry.max_concurrent_downloads"],
    ["[cni]\nplugin_timeout_seconds = 1.5", "cni.plugin_timeout_seconds"],
    ['[runtime]\ndefault_handler = "a b"', "runtime.default_handler: is not a handler name"],
    ['[runtime.handlers.kata]\ntype = "wasm"', "runtime.handlers.kata.type: is no type that crib knows"],
    ['[runtime.handlers.kata]\ntype = "shim-v2"', "runtime.handlers.kata.path"],
    ['[runtime.handlers.kata]\npath = "/x"', "runtime.handlers.kata.type: is no type that crib knows"],
    ['[runtime.handlers.x]\ntype = "oci"', "runtime.handlers.x.path"],
    ['[runtime.handlers.x]\ntype = "oci"\npath = "runc"', "runtime.handlers.x.path"],
    ['[runtime.handlers.x]\ntype = "native"\npath = "/x"', 'unknown key "runtime.handlers.x.path"'],
    ['[runtime.handlers."A b"]\ntype = "native"', "runtime.handlers.A b: is not a handler name"],
    ['[streaming]\naddress = "localhost"', "streaming.address: is not an IP address"],
    ['[streaming]\ntls_cert_file = "/c"', "streaming.tls_cert_file and streaming.tls_key_file"],
    ['"__proto__" = 1', "__proto__"],
  ])("refuses %p naming file and key", (text, message) => {
    let thrown: unknown;
    try {
      load(text);
    } catch (error) {
      thrown = error;
    }
    expect(CribError.is(thrown, "invalid-argument")).toBe(true);
    expect((thrown as CribError).message).toContain(message);
  });

  test.each([
    [{ root: "x" }, "--root"],
    [{ logLevel: "loud" }, "--log-level"],
    [{ listen: ["tcp://x"] }, "listen address"],
  ])("refuses the flag %p", (flags, message) => {
    expect(() => loadConfig({ files: [], flags })).toThrow(message);
  });
});

test("the packaged config.toml says what the defaults are", async () => {
  const text = await Bun.file(new URL("../../packaging/config.toml", import.meta.url)).text();
  expect(load(text)).toEqual(defaultConfig);
});
