import { expect, test } from "bun:test";
import type { ContainerRecord, ContainerState } from "../../state/records.ts";
import { checkContainerTransition, containerTransitions } from "./transitions.ts";

const states = Object.keys(containerTransitions) as ContainerState[];
const allowed = new Set(["created→running", "created→exited", "created→removing", "running→exited", "exited→removing"]);

for (const from of states) {
  for (const to of states) {
    const arrow = `${from}→${to}`;
    test(`a container ${allowed.has(arrow) ? "may" : "may not"} go ${arrow}`, () => {
      const check = () => checkContainerTransition({ id: "c", state: from } as unknown as ContainerRecord, to);
      if (allowed.has(arrow)) expect(check).not.toThrow();
      else expect(check).toThrow(`container c is ${from}, it cannot become ${to}`);
    });
  }
}
