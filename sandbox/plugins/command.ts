import type { Connection } from "./ssh";
import { connectionProblems, runRemote } from "./ssh";
import { checkNames, diffInputs, isUnknown, serve } from "./plugin-server";
import type { Failure, Properties, ResourceKind } from "./plugin-server";

/** Stand-in for the command plugin 1.2.1: remote commands over real SSH, nothing else. */

const INPUTS = ["addPreviousOutputInEnv", "connection", "create", "delete", "environment", "logging", "stdin", "triggers", "update"];
const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function check(inputs: Properties): readonly Failure[] {
  const { connection, logging, environment } = inputs;
  return [
    ...checkNames(inputs, INPUTS, ["connection"]),
    // Said of no property: the engine would show the property's value, private key and all.
    ...(isUnknown(connection) || connection === undefined
      ? []
      : connectionProblems(connection).map((reason) => ({ property: "", reason: `connection: ${reason}` }))),
    ...(logging === undefined || (typeof logging === "string" && LOGGING.includes(logging))
      ? []
      : [{ property: "logging", reason: `must be one of ${LOGGING.join(", ")}` }]),
    ...(environment === undefined ? [] : [{ property: "environment", reason: "the sandbox's sshd accepts no environment" }]),
  ];
}

async function run(inputs: Properties, command: string | undefined): Promise<Properties> {
  if (command === undefined) return { ...inputs, stdout: "", stderr: "" };
  const { code, stdout, stderr } = await runRemote(inputs["connection"] as Connection, command, text(inputs["stdin"]) ?? "");
  if (code !== 0) throw new Error(`Process exited with status ${code}: running "${command}":\n${stdout}${stderr}`.trimEnd());
  return { ...inputs, stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
}

const command: ResourceKind = {
  check,
  diff: (inputs, oldInputs) => diffInputs(inputs, oldInputs, ["triggers"]),
  create: async (inputs, urn) => ({ id: `remote-${urn.split("::").pop() ?? ""}`, state: await run(inputs, text(inputs["create"])) }),
  update: (_id, inputs) => run(inputs, text(inputs["update"]) ?? text(inputs["create"])),
  delete: async (_id, state) => {
    await run(state, text(state["delete"]));
  },
};

serve({ name: "command", version: "1.2.1", resources: { "command:remote:Command": command } });
