import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as service from "@pulumi/pulumi/proto/language_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/language_pb";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import { endWithParent } from "../plugins/plugin-server";

/**
 * A stand-in for Pulumi's Node language host, which ships beside the official CLI only: starts the program through the
 * SDK's own runner, with package.json's entry, the project's node arguments and the configuration the engine gives.
 */

/** The runner ends with this code when it has already told the user what is wrong. */
const ALREADY_REPORTED = 32;

/** The programs that run now: one without its engine would ask for it for ever. */
const programs = new Set<ChildProcess>();

function programArguments(request: proto.RunRequest, engine: string): string[] {
  const flags: Record<string, string> = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    pwd: request.getInfo()?.getProgramDirectory() ?? request.getPwd(),
    "root-directory": request.getInfo()?.getRootDirectory() ?? request.getPwd(),
    parallel: String(request.getParallel()),
  };
  return [
    ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    request.getInfo()?.getEntryPoint() ?? ".",
    ...request.getArgsList(),
  ];
}

function run(request: proto.RunRequest, engine: string): Promise<proto.RunResponse> {
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const options = request.getInfo()?.getOptions()?.toJavaScript() ?? {};
  const nodeArguments = typeof options["nodeargs"] === "string" ? options["nodeargs"].split(" ") : [];
  const runner = createRequire(join(directory, "package.json")).resolve("@pulumi/pulumi/cmd/run");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArguments, runner, ...programArguments(request, engine)], {
      cwd: directory,
      // stdout belongs to the protocol: what the program prints goes where the engine shows it.
      stdio: ["ignore", 2, 2],
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        PULUMI_NODEJS_TYPESCRIPT: "false",
      },
    });
    programs.add(child);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      programs.delete(child);
      const response = new proto.RunResponse();
      if (code === ALREADY_REPORTED) response.setBail(true);
      else if (code !== 0) response.setError(`the program ended with ${signal ?? `code ${code ?? "none"}`}`);
      resolve(response);
    });
  });
}

function main(): void {
  const engine = process.argv.filter((argument) => !argument.startsWith("-")).pop() ?? "";
  const server = new grpc.Server();
  const answer =
    <Request, Response>(work: (request: Request) => Response | Promise<Response>) =>
    (call: { request: Request }, callback: grpc.sendUnaryData<Response>): void => {
      Promise.resolve(work(call.request)).then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          callback({ code: grpc.status.UNKNOWN, details: String(error), name: "Error", message: String(error) });
        },
      );
    };
  server.addService((service as unknown as { LanguageRuntimeService: grpc.ServiceDefinition }).LanguageRuntimeService, {
    handshake: answer(() => new proto.LanguageHandshakeResponse()),
    getRequiredPlugins: answer(() => new proto.GetRequiredPluginsResponse()),
    getRequiredPackages: answer(() => new proto.GetRequiredPackagesResponse()),
    getPluginInfo: answer(() => new plugin.PluginInfo().setVersion("1.0.0")),
    run: answer((request: proto.RunRequest) => run(request, engine)),
    cancel: answer(() => new Empty()),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
  endWithParent(() => {
    for (const program of programs) program.kill("SIGKILL");
    process.exit();
  });
}

main();
