// node gltf.mjs FILE.glb EXPECTED.json: the Khronos validator finds nothing, and three.js puts the vertices where they belong.
// EXPECTED.json: {"names": [...], "duration": s, "frames": [{"time": s, "vertices": [[index, x, y, z], ...]}], "tolerance": m}
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import validator from "gltf-validator";
import { watch, withBrowser } from "./browser.mjs";

const [, , glb, expectedFile] = process.argv;
const expected = JSON.parse(readFileSync(expectedFile, "utf8"));

const { issues } = await validator.validateBytes(new Uint8Array(readFileSync(glb)), { maxIssues: 20 });
assert.deepEqual(issues.messages, [], "the validator has nothing to say");

const document = `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">{"imports": {"three": "/three/build/three.module.js"}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "/three/examples/jsm/loaders/GLTFLoader.js";
const expected = await (await fetch("/expected")).json();
const gltf = await new GLTFLoader().loadAsync("/glb");
let mesh;
gltf.scene.traverse((node) => { if (node.isSkinnedMesh) mesh = node; });
const mixer = new THREE.AnimationMixer(gltf.scene);
const action = mixer.clipAction(gltf.animations[0]).setLoop(THREE.LoopOnce).play();
action.clampWhenFinished = true;
let worst = 0;
const point = new THREE.Vector3();
for (const frame of expected.frames) {
  mixer.setTime(frame.time);
  gltf.scene.updateMatrixWorld(true);
  for (const [index, ...at] of frame.vertices) {
    mesh.getVertexPosition(index, point);
    worst = Math.max(worst, point.distanceTo(new THREE.Vector3(...at)));
  }
}
const renderer = new THREE.WebGLRenderer();
renderer.setSize(64, 64);
const camera = new THREE.PerspectiveCamera(30, 1, 0.01, 10);
camera.position.set(0, 0, 1);
renderer.render(new THREE.Scene().add(gltf.scene, new THREE.HemisphereLight()), camera);
window.result = {
  worst, drawn: renderer.info.render.triangles, duration: gltf.animations[0].duration,
  names: Object.keys(mesh.morphTargetDictionary ?? {}), colors: Boolean(mesh.geometry.attributes.color),
};
</script>`;

const three = fileURLToPath(new URL(".", import.meta.resolve("three"))).replace(/build\/?$/, "");
const server = createServer((request, response) => {
  const path = request.url;
  const send = (type, body) => response.writeHead(200, { "content-type": type }).end(body);
  if (path === "/") send("text/html", document);
  else if (path === "/glb") send("model/gltf-binary", readFileSync(glb));
  else if (path === "/expected") send("application/json", JSON.stringify(expected));
  else if (path.startsWith("/three/") && !path.includes("..")) send("text/javascript", readFileSync(three + path.slice(7)));
  else response.writeHead(404).end();
}).listen(0, "127.0.0.1");

try {
  await withBrowser(async (browser) => {
    const page = await browser.newPage();
    const seen = watch(page);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction("window.result", { timeout: 60000 }).catch((error) => {
      throw new Error([error.message, ...seen.complaints].join("; "));
    });
    const result = await page.evaluate("window.result");
    assert.deepEqual(seen.complaints, []);
    assert.deepEqual(result.names, expected.names);
    assert.ok(result.worst <= expected.tolerance, `a vertex is ${result.worst} m off`);
    assert.ok(Math.abs(result.duration - expected.duration) < 1e-4, `it lasts ${result.duration} s`);
    assert.ok(result.drawn > 0);
    console.log(`gltf: ok, vertices within ${(result.worst * 1e6).toFixed(1)} micrometres`);
  });
} finally {
  server.close();
}
