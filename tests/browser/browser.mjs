// A headless Chromium for the checks beside this file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

/** Runs `check(browser)` and closes the browser whatever comes. */
export async function withBrowser(check) {
  const profile = mkdtempSync(join(tmpdir(), "deeptalk-rt-browser-"));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    userDataDir: profile,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
      "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  try {
    await check(browser);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Collects what a page complains of, and every address that it asks for. */
export function watch(page) {
  const complaints = [];
  const requests = [];
  page.on("console", (message) => {
    // The driver remarks on screenshots, not on the page.
    const remark = message.text().includes("GL Driver Message");
    if (["error", "warn"].includes(message.type()) && !remark) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  return { complaints, requests };
}

export const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
