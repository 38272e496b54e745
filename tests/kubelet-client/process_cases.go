package main

import (
	"path/filepath"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// security edits the security context of a container.
func security(edit func(*runtimeapi.LinuxContainerSecurityContext)) containerEdit {
	return func(config *runtimeapi.ContainerConfig) { edit(config.Linux.SecurityContext) }
}

const (
	showIdentity     = "id -u; id -g; grep -E '^(Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status"
	showCapabilities = "grep ^Cap /proc/self/status"
)

func processCases() []testCase {
	shows := func(name, text string, edits ...containerEdit) testCase {
		return testCase{"process: " + name, func(t *T) {
			t.see("output", t.runPod(hostNetwork).output(text, edits...))
		}}
	}
	image := func(name string) containerEdit {
		return func(config *runtimeapi.ContainerConfig) {
			config.Image.Image = filepath.Join(filepath.Dir(config.Image.Image), name+":1")
		}
	}
	pulled := func(c testCase, names ...string) testCase {
		return testCase{c.name, func(t *T) {
			for _, name := range names {
				t.pull(t.image(name))
			}
			c.body(t)
		}}
	}
	return []testCase{
		{"process: command, arguments, environment, directory", func(t *T) {
			p := t.runPod(hostNetwork)
			text := p.output("", command("sh", "-c", `echo "$0 $@"; echo "$A|$B|$PATH"; pwd`), func(config *runtimeapi.ContainerConfig) {
				config.Args = []string{"zero", "one two", "$(A)"}
				config.Envs = []*runtimeapi.KeyValue{{Key: "A", Value: []byte("a b")}, {Key: "B", Value: []byte("x=y")}}
				config.WorkingDir = "/tmp"
			})
			t.want("output", text, "zero one two $(A)\na b|x=y|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/tmp\n")
		}},
		pulled(shows("the image's directory and environment", "pwd; echo $FROM_IMAGE; echo $PATH", image("workdir")), "workdir"),
		shows("a directory that is made for it", "pwd; ls -ld . | cut -c1-10", func(config *runtimeapi.ContainerConfig) { config.WorkingDir = "/not/yet/there" }),
		pulled(testCase{"process: entry point and command of the image", func(t *T) {
			p := t.runPod(hostNetwork)
			both := p.run(command(), image("entrypoint-cmd"))
			both.awaitExit()
			t.want("both", both.log(), "entrypoint cmd\n")
			arguments := p.run(command(), image("entrypoint-cmd"), func(config *runtimeapi.ContainerConfig) { config.Args = []string{"mine"} })
			arguments.awaitExit()
			t.want("own arguments", arguments.log(), "entrypoint mine\n")
		}}, "entrypoint-cmd"),
		{"process: an image without a command", func(t *T) {
			t.pull(t.image("no-command"))
			p := t.runPod(hostNetwork)
			_, err := t.runtime.CreateContainer(t, p.id, p.containerConfig(command(), image("no-command")), p.config)
			t.want("refused", err != nil, true)
			t.see("code", code(err))
		}},
		shows("identity by default", showIdentity),
		shows("user and group by number", showIdentity, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.RunAsUser, s.RunAsGroup = &runtimeapi.Int64Value{Value: 1000}, &runtimeapi.Int64Value{Value: 3000}
		})),
		shows("user by name, with its groups", showIdentity, security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.RunAsUsername = "alice" })),
		shows("a user nobody wrote down", showIdentity, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.RunAsUser = &runtimeapi.Int64Value{Value: 4711}
		})),
		shows("supplemental groups", showIdentity, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.RunAsUser, s.SupplementalGroups = &runtimeapi.Int64Value{Value: 1000}, []int64{5000, 6000}
		})),
		{"process: a user name nobody has", func(t *T) {
			p := t.runPod(hostNetwork)
			config := p.containerConfig(security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.RunAsUsername = "nobody-knows" }))
			id, err := t.runtime.CreateContainer(t, p.id, config, p.config)
			if err == nil {
				err = t.runtime.StartContainer(t, id)
			}
			t.want("refused", err != nil, true)
		}},
		pulled(shows("the image's user", showIdentity, image("users")), "users"),
		pulled(shows("the image's user by number", "id -u; id -g", image("user-numeric")), "user-numeric"),
		shows("capabilities added", showCapabilities, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.Capabilities = &runtimeapi.Capability{AddCapabilities: []string{"NET_ADMIN", "SYS_PTRACE"}}
		})),
		shows("capabilities dropped", showCapabilities, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.Capabilities = &runtimeapi.Capability{DropCapabilities: []string{"CHOWN", "KILL"}}
		})),
		shows("all capabilities dropped but one", showCapabilities, security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.Capabilities = &runtimeapi.Capability{DropCapabilities: []string{"ALL"}, AddCapabilities: []string{"NET_BIND_SERVICE"}}
		})),
		{"process: privileged", func(t *T) {
			privileged := security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.Privileged, s.NoNewPrivs = true, false })
			t.see("output", t.runPod(hostNetwork, privilegedPod).output(`grep -E '^(NoNewPrivs|Seccomp:)' /proc/self/status
				for d in kmsg loop-control fuse; do [ -e /dev/$d ] && echo $d; done; mount | grep ' /sys ' | grep -o '(r[ow]'`, privileged))
			p := t.runPod(hostNetwork)
			_, err := t.runtime.CreateContainer(t, p.id, p.containerConfig(privileged), p.config)
			t.want("refused in a pod that is not", err != nil, true)
		}},
		shows("seccomp of the engine", "grep ^Seccomp: /proc/self/status; unshare -U true 2>&1", security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.Seccomp = &runtimeapi.SecurityProfile{ProfileType: runtimeapi.SecurityProfile_RuntimeDefault}
		})),
		shows("no seccomp", "grep ^Seccomp: /proc/self/status", security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.Seccomp = &runtimeapi.SecurityProfile{ProfileType: runtimeapi.SecurityProfile_Unconfined}
		})),
		shows("a root that cannot be written", "touch /x 2>&1; touch /dev/shm/x && echo shm; echo rest", security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.ReadonlyRootfs = true
		})),
		shows("masked and read-only paths", "wc -c </etc/passwd; echo x 2>&1 >/proc/sys/kernel/hostname; ls /etc/group", security(func(s *runtimeapi.LinuxContainerSecurityContext) {
			s.MaskedPaths, s.ReadonlyPaths = []string{"/proc/kcore", "/etc/passwd"}, []string{"/proc/sys"}
		})),
		{"process: volumes, writable and not", func(t *T) {
			writable, readable := t.hostDirectory(), t.hostDirectory()
			text := t.runPod(hostNetwork).output("echo there >/w/f; cat /w/f; touch /r/f 2>&1", func(config *runtimeapi.ContainerConfig) {
				config.Mounts = []*runtimeapi.Mount{
					{HostPath: writable, ContainerPath: "/w"},
					{HostPath: readable, ContainerPath: "/r", Readonly: true},
				}
			})
			t.want("output", text, "there\ntouch: /r/f: Read-only file system\n")
			t.want("on the host", readFile(filepath.Join(writable, "f")), "there\n")
		}},
		{"process: a volume the host does not have", func(t *T) {
			p := t.runPod(hostNetwork)
			missing := filepath.Join(t.hostDirectory(), "missing")
			config := p.containerConfig(func(config *runtimeapi.ContainerConfig) {
				config.Mounts = []*runtimeapi.Mount{{HostPath: missing, ContainerPath: "/m"}}
			})
			id, err := t.runtime.CreateContainer(t, p.id, config, p.config)
			t.see("create", code(err))
			if err == nil {
				t.see("start", code(t.runtime.StartContainer(t, id)))
			}
		}},
		{"process: mounts in the status", func(t *T) {
			directory := t.hostDirectory()
			c := t.runPod(hostNetwork).run(func(config *runtimeapi.ContainerConfig) {
				config.Mounts = []*runtimeapi.Mount{{HostPath: directory, ContainerPath: "/v", Readonly: true}}
			})
			mounts := c.status().Mounts
			t.want("count", len(mounts), 1)
			if len(mounts) == 1 {
				t.want("it", mounts[0].HostPath == directory && mounts[0].ContainerPath == "/v" && mounts[0].Readonly, true)
			}
		}},
		shows("a device", "ls -l /dev/given | cut -c1-10; ls -l /dev/given | awk '{print $5, $6}'", func(config *runtimeapi.ContainerConfig) {
			config.Devices = []*runtimeapi.Device{{HostPath: "/dev/null", ContainerPath: "/dev/given", Permissions: "rw"}}
		}),
	}
}
