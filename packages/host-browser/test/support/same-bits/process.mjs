import { digests } from "./digests.mjs";

process.stdout.write(JSON.stringify(await digests(process.argv.slice(2).map(Number))));
process.exit();
