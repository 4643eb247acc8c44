// node rig.mjs PAGE.html EXPECTED.json: the page's own script, without a browser, puts the vertices where they belong.
// EXPECTED.json: {"frames": [{"time": s, "vertices": [[index, x, y, z], ...]}], "tolerance": m}
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const html = readFileSync(process.argv[2], "utf8");
const expected = JSON.parse(readFileSync(process.argv[3], "utf8"));

const element = (id) => html.split(`id="${id}">`)[1].split("</script>")[0];
const document = { getElementById: (id) => ({ textContent: element(id) }) };
const files = ["scene.js", "rig.js"].map((name) => readFileSync(new URL(`../../src/export/player/${name}`, import.meta.url), "utf8"));
for (const file of files) assert.ok(html.includes(file.trim()), "the page holds these scripts");
const { readScene, Rig } = new Function("document", `"use strict";\n${files.join("\n")}\nreturn { readScene, Rig };`)(document);

const rig = new Rig(readScene());
let worst = 0;
for (const frame of expected.frames) {
  rig.pose(frame.time);
  for (const [index, ...at] of frame.vertices) {
    worst = Math.max(worst, Math.hypot(...at.map((x, k) => x - rig.positions[3 * index + k])));
  }
}
console.log(`vertices of the page: ${(worst * 1e6).toFixed(1)} micrometres at most from the library's`);
assert.ok(worst < expected.tolerance, `${worst} m`);
