// A real Chromium as the technician's browser. Takes one JSON argument: {chromium, base, steps, shots?, width?, dark?,
// origins?}. Steps are done in order in one browser with its own cookies; what was seen is printed as one JSON line:
// {pages: [{url, title, text, fields}], axe: [...], foreign: [...], errors: [...]}.
//
//   {"open": PATH or URL}            follows redirects as a browser does
//   {"fill": {SELECTOR: TEXT}}       types
//   {"select": {SELECTOR: VALUE}}    chooses from a list
//   {"click": SELECTOR}              clicks and waits for the next page
//   {"touch": SELECTOR, "until": TEXT}  clicks what leads nowhere, and waits until the page says so
//   {"press": KEY}                   the keyboard
//   {"shot": NAME}                   a picture, when `shots` names a folder
//   {"axe": true}                    axe-core looks at the page
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const order = JSON.parse(process.argv[2]);
const require = createRequire(order.modules + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: order.chromium,
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});
const context = await browser.newContext({
  viewport: { width: order.width ?? 1280, height: order.height ?? 800 },
  colorScheme: order.dark ? "dark" : "light",
});
const page = await context.newPage();
const seen = { pages: [], axe: [], foreign: [], errors: [] };
const own = [new URL(order.base).origin, ...(order.origins ?? [])];
page.on("request", (request) => {
  const url = new URL(request.url());
  if (url.protocol.startsWith("http") && !own.includes(url.origin)) seen.foreign.push(request.url());
});
page.on("console", (message) => {
  if (message.type() === "error") seen.errors.push(message.text());
});

async function look() {
  await page.waitForLoadState("networkidle");
  seen.pages.push({
    url: page.url(),
    title: await page.title(),
    text: await page.locator("body").innerText(),
    fields: await page.$$eval("input[id]", (all) => Object.fromEntries(all.map((one) => [one.id, one.value]))),
    overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  });
}

try {
  for (const step of order.steps) {
    if (step.open) {
      await page.goto(new URL(step.open, order.base).href);
      await look();
    } else if (step.fill) {
      for (const [selector, text] of Object.entries(step.fill)) await page.fill(selector, text);
    } else if (step.select) {
      for (const [selector, value] of Object.entries(step.select)) await page.selectOption(selector, value);
    } else if (step.click) {
      await Promise.all([page.waitForEvent("load"), page.click(step.click)]);
      await page.waitForTimeout(50);
      await look();
    } else if (step.touch) {
      await page.click(step.touch);
      await page.getByText(step.until).first().waitFor();
      await look();
    } else if (step.press) {
      await Promise.all([page.waitForEvent("load"), page.keyboard.press(step.press)]);
      await look();
    } else if (step.shot) {
      if (order.shots) await page.screenshot({ path: `${order.shots}/${step.shot}.png`, fullPage: true });
    } else if (step.axe) {
      // Through the debugger: the page's own policy lets no script in.
      await page.evaluate(axe);
      const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
      for (const one of found) {
        seen.axe.push({ page: page.url(), rule: one.id, at: one.nodes.map((node) => node.target.join(" ")), why: one.nodes[0]?.failureSummary });
      }
    }
  }
} catch (error) {
  seen.errors.push(String(error));
  seen.pages.push({ url: page.url(), title: "", text: await page.locator("body").innerText().catch(() => ""), fields: {} });
  process.exitCode = 1;
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
