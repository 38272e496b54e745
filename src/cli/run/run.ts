import type { Command } from "commander";
import { parseListenAddress } from "../../config/listen-address.ts";
import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import { collect } from "../parse/collect.ts";
import { addressOf, type Cli, type DaemonOptions, examples, verb, withDaemonOptions } from "../program/cli.ts";
import { connectDaemon } from "../program/client.ts";
import { Interrupts } from "./interrupts.ts";
import { defaultPrivateRoot, withPrivateDaemon } from "./private-daemon.ts";
import { runContainer } from "./run-container.ts";
import { parseRunFlags, type RunFlags } from "./run-flags.ts";

type RunOptions = RunFlags &
  DaemonOptions & {
    readonly root: string;
  };

/** `crib run`: one container in a pod of its own, attached to its output, gone when it ends. */
export function addRunVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("run"))
    .description("run a container and show its output; without a daemon on this machine, with a private one")
    .argument("<image>", "reference of the image; crib.local/hello is built in and needs no registry")
    .argument("[command...]", "arguments for the image's entrypoint, in place of its default ones")
    .option("--name <name>", "name of the pod and its container (default: made from the image)")
    .option("-e, --env <NAME=value>", "environment variable; repeat for several", collect)
    .option(
      "-v, --volume <host:container[:options]>",
      "bind mount; options: ro, rw, rslave, rshared; repeat for several",
      collect,
    )
    .option("-w, --workdir <dir>", "working directory in the container")
    .option("-u, --user <user[:group]>", "user by number or name; group by number")
    .option("--entrypoint <program>", "program to run instead of the image's entrypoint")
    .option("--hostname <name>", "host name of the pod (default: its name)")
    .option("--runtime <handler>", "who runs it, as `crib runtimes` names it (default: the daemon's default)")
    .option("--network <mode>", "pod: a network of its own; host: the machine's", "pod")
    .option(
      "-p, --publish <[ip:]host:container[/protocol]>",
      "make a port reachable on the host; repeat for several",
      collect,
    )
    .option("-m, --memory <size>", "memory limit, such as 64m")
    .option("--cpus <number>", "processor limit, such as 0.5")
    .option("--pids-limit <number>", "process limit")
    .option("--cap-add <capability>", "capability to add, or ALL; repeat for several", collect)
    .option("--cap-drop <capability>", "capability to drop, or ALL; repeat for several", collect)
    .option("--read-only", "make the container's root read-only")
    .option("--no-new-privileges", "setuid programs gain nothing")
    .option("--privileged", "all capabilities and devices, no confinement")
    .option("--rm", "remove pod and container when it has ended (the default)")
    .option("--keep", "keep them; needs a daemon")
    .option("-d, --detach", "print the container's id and leave; needs a daemon")
    .option("-q, --quiet", "do not show the pull")
    .option("--root <dir>", "where the private daemon keeps images", defaultPrivateRoot)
    .option("-i, --interactive", "pass our standard input on to it")
    .option("-t, --tty", "give it a terminal")
    .passThroughOptions()
    .addHelpText(
      "after",
      examples(
        ["crib run crib.local/hello", "the shortest way to see crib work"],
        ["crib run -it docker.io/library/busybox sh", "a shell"],
        ["crib run -m 64m --cpus 0.5 docker.io/library/busybox sh -c 'nproc; free'", "with limits"],
        [
          "crib run -v /srv/site:/usr/share/nginx/html:ro -p 8080:80 docker.io/library/nginx",
          "a web server on port 8080",
        ],
        ["crib run -d --name web docker.io/library/nginx", "in the background, on the node's daemon"],
      ),
    )
    .action(
      verb<RunOptions>(cli, async ([image = "", ...args], options) => {
        if (options.interactive && options.tty && !options.detach && !cli.io.stdin.isTerminal)
          throw failedPrecondition("-t needs a terminal as standard input: leave it out, or -i");
        if (options.rm && options.keep) throw invalidArgument("--rm and --keep contradict each other: give one");
        const wanted = parseRunFlags(image, args, options);
        const address = addressOf(cli, options);
        // From here on, so that a Ctrl-C while a private daemon starts does not leave it behind.
        using interrupts = new Interrupts(cli.io);
        if (await cli.io.host.answers(parseListenAddress(address))) {
          using daemon = connectDaemon(address);
          return await runContainer(cli, daemon, wanted, interrupts);
        }
        if (options.address !== undefined)
          throw failedPrecondition(
            `nobody answers on ${address}: start a daemon there, or leave --address out for a private one`,
          );
        if (options.detach || options.keep) {
          const flag = options.detach ? "--detach" : "--keep";
          throw failedPrecondition(`${flag} needs a daemon and none answers on ${address}: start \`crib serve\` first`);
        }
        return await withPrivateDaemon(cli, options.root, (daemon) => runContainer(cli, daemon, wanted, interrupts));
      }),
    );
}
