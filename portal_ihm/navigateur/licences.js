/** Write down the licences of what stands in the bundle, beside it. */

import { readFileSync, readdirSync, existsSync, writeFileSync } from "node:fs";

const [, , lockFile, target] = process.argv;
const { packages } = JSON.parse(readFileSync(lockFile, "utf8"));
const shipped = Object.entries(packages).filter(([path, { dev }]) => path && !dev).sort();
const texts = shipped.map(([path, { version }]) => {
  const found = existsSync(path) ? readdirSync(path).find((name) => /^licen[cs]e/i.test(name)) : undefined;
  const { name, license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
  const text = found ? readFileSync(`${path}/${found}`, "utf8").trim() : license;
  return `${name} ${version}\n\n${text}\n`;
});
writeFileSync(target, texts.join(`\n${"-".repeat(80)}\n\n`));
