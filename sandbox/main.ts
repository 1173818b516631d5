import { removeSandbox } from "./down";
import { raise } from "./up";

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<void> {
  const [command, name = "sandbox"] = process.argv.slice(2);
  if (command === "up") {
    const result = await raise({ name, say });
    say(JSON.stringify(result.progress.changes));
    say(JSON.stringify(result.outputs["machines"], null, 1));
  }
  if (command === "down") say((await removeSandbox(name, say)) ? "removed" : "none");
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
