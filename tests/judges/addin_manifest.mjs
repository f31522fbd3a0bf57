// Microsoft's own packages look at the Outlook add-in's manifest. Takes one JSON argument: {modules, manifest, folder}.
//
// The validator of office-addin-manifest sends an XML manifest to a service of Microsoft's, which a test may not. So its
// reader reads the file, office-addin-manifest-converter makes Microsoft's JSON manifest of every part of it, and the validator
// holds that against the schema that it carries. Prints what it found as one JSON line; `errors` must be empty.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";

const order = JSON.parse(process.argv[2]);
const require = createRequire(order.modules + "/");
const { OfficeAddinManifest } = require("office-addin-manifest");
const { AppManifestUtils } = require("@microsoft/app-manifest");

const read = await OfficeAddinManifest.readManifestFile(order.manifest);
const converter = order.modules + "/node_modules/.bin/office-addin-manifest-converter";
execFileSync(process.execPath, [converter, "convert", order.manifest, "-o", order.folder], { stdio: "pipe" });
const file = order.folder + "/manifest.json";
const manifest = await AppManifestUtils.readTeamsManifest(file);
const errors = await AppManifestUtils.validateAgainstSchema(manifest);
const pages = (JSON.parse(readFileSync(file, "utf8")).extensions ?? []).flatMap((one) => (one.runtimes ?? []).map((run) => run.code.page));
console.log(JSON.stringify({ read, errors, pages }));
