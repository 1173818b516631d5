import { scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";

/** The bundle that gives out the hand-over file of Vault's initialisation, or, once an operator holds it, removes it. */
export function handoverBundle(what: "show" | "taken"): Bundle {
  const name = `handover-${what}.py`;
  return {
    name: `vault-handover-${what}`,
    files: [scriptFile("vault", __dirname, name)],
    steps: [{ name: `hand-over: ${what}`, path: scriptPath("vault", name), timeoutSeconds: 30 }],
  };
}
