// node page.mjs PAGE.html SECONDS: opens the page from the disk and uses it as a visitor would. The clip must move the face.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { wait, watch, withBrowser } from "./browser.mjs";

const address = pathToFileURL(resolve(process.argv[2])).href;
const seconds = Number(process.argv[3]);

await withBrowser(async (browser) => {
  const page = await browser.newPage();
  const seen = watch(page);
  await page.setViewport({ width: 900, height: 700 });
  await page.goto(address);
  await page.waitForSelector("body.ready");
  // What the page shows is true as of its last frame: wait for one that began after the question.
  const shown = (id) =>
    page.evaluate((name) => new Promise((done) => {
      const read = () => done(document.getElementById(name).textContent);
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(read)));
    }), id);
  const clock = async () => (await shown("now")).split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  // The face alone (no buttons), once it stands still: the camera glides.
  const face = async () => {
    let last = "";
    for (let i = 0; i < 40; i++) {
      await shown("now");
      const picture = await page.screenshot({ encoding: "base64", clip: { x: 250, y: 80, width: 400, height: 255 } });
      if (picture === last) return picture;
      last = picture;
    }
    throw new Error("the picture does not come to rest");
  };
  const scrub = async (share) => {
    const box = await (await page.$("#curves")).boundingBox();
    await page.mouse.click(box.x + box.width * share, box.y + 30);
  };

  assert.equal(await clock(), 0);
  assert.ok(await page.$eval("#trouble", (e) => e.hidden), "WebGL works");
  const first = await face();

  // Slowly, so that a busy machine does not reach the end before the next key.
  await page.keyboard.press("1");
  await page.click("#big");
  await page.waitForFunction((end) => Number(document.getElementById("curves").getAttribute("aria-valuenow")) > end, {}, Math.min(0.4, seconds / 2));
  const sound = await page.$eval("#sound", (e) => ({ error: e.error, length: e.duration, bytes: e.webkitAudioDecodedByteCount }));
  assert.equal(sound.error, null);
  assert.ok(Math.abs(sound.length - seconds) < 0.05, `the sound lasts ${sound.length} s`);
  assert.ok(sound.bytes > 0, "the sound is decoded");
  await page.keyboard.press("Space");
  const paused = await clock();
  assert.ok(paused > 0, "time moves");
  await wait(300);
  assert.equal(await clock(), paused, "space stops it");

  await page.click("#help");
  await page.click("dialog form button");
  await page.keyboard.press("Space");
  assert.equal(await page.$eval("#play", (e) => e.getAttribute("aria-label")), "Pause", "the space bar is the player's again");
  await page.keyboard.press("Space");

  await scrub(0.5);
  assert.ok(Math.abs((await clock()) - seconds / 2) < 0.05, "a click on the curves goes there");
  const half = await face();
  const before = Number(await shown("frame"));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(Number(await shown("frame")), before + 2, "the arrow keys go by frames");

  const changed = await difference(browser, first, half);
  assert.ok(changed.pixels > 300, `the mesh moves: ${changed.pixels} pixels changed`);
  assert.ok(changed.shades > 50, `the face is shaded: ${changed.shades} shades`);

  await page.click("#views [data-view=side]");
  assert.ok((await difference(browser, half, await face())).pixels > 5000, "the camera turns");
  await page.keyboard.press("End");
  assert.ok(Math.abs((await clock()) - seconds) < 0.011, "the end is the end");
  await page.setViewport({ width: 390, height: 844, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
  await wait(500);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `the page fits a phone, not ${wide} pixels`);

  assert.deepEqual(seen.complaints, []);
  const outside = seen.requests.filter((url) => url !== address && !url.startsWith("blob:"));
  assert.deepEqual(outside, [], "the page asks nothing of a network");
});
console.log("page: ok");

/** How many pixels differ clearly between two pictures, and how many shades the second has. */
async function difference(browser, a, b) {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async (pictures) => {
      const [one, two] = await Promise.all(
        pictures.map(async (text) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const ink = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
          ink.drawImage(bitmap, 0, 0);
          return ink.getImageData(0, 0, bitmap.width, bitmap.height).data;
        }),
      );
      let pixels = 0;
      const shades = new Set();
      for (let i = 0; i < one.length; i += 4) {
        if (Math.max(...[0, 1, 2].map((k) => Math.abs(one[i + k] - two[i + k]))) > 24) pixels++;
        shades.add(two[i]);
      }
      return { pixels, shades: shades.size };
    }, [a, b]);
  } finally {
    await page.close();
  }
}
